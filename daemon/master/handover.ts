/**
 * The wake-up that a front process sends to the queue process when a message is on disk: the id together with the
 * envelope bytes, so that the queue manager need not read what was just written. Losing one costs a scan of
 * incoming/, never a message: every message was synced before.
 *
 * A frame is a 32-bit length (big-endian) and that many bytes: id length (1), id, tail offset (6), head length (4),
 * head, tail. A frame of length 0 asks for a scan of incoming/.
 */
import type { QueuedMessage } from "../../core/queue/types.ts";

/** Messages with a larger envelope than this (thousands of recipients) are announced by a scan request. */
const LARGEST_FRAME = 1 << 20;
/** What may wait for a slow queue process, in bytes; beyond it only a scan request follows. */
const LARGEST_BACKLOG = 4 << 20;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One frame. */
export function encodeHandover(message: QueuedMessage): Uint8Array<ArrayBuffer> {
  const id = encoder.encode(message.id);
  const size = 1 + id.length + 6 + 4 + message.head.length + message.tail.length;
  if (size > LARGEST_FRAME) return new Uint8Array(4);
  const frame = new Uint8Array(4 + size);
  const view = new DataView(frame.buffer);
  view.setUint32(0, size);
  let at = 4;
  view.setUint8(at, id.length);
  frame.set(id, at + 1);
  at += 1 + id.length;
  view.setUint16(at, Math.floor(message.tailOffset / 2 ** 32));
  view.setUint32(at + 2, message.tailOffset >>> 0);
  view.setUint32(at + 6, message.head.length);
  at += 10;
  frame.set(message.head, at);
  frame.set(message.tail, at + message.head.length);
  return frame;
}

/** The message in a frame's body. Throws `RangeError` on a frame that was not made by `encodeHandover`. */
export function decodeHandover(body: Uint8Array): QueuedMessage {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const idLength = view.getUint8(0);
  const id = decoder.decode(body.subarray(1, 1 + idLength));
  let at = 1 + idLength;
  const tailOffset = view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
  const headLength = view.getUint32(at + 6);
  at += 10;
  if (at + headLength > body.length) throw new RangeError("Hand-over frame is shorter than it says");
  return {
    id,
    queue: "incoming",
    head: body.subarray(at, at + headLength),
    tail: body.subarray(at + headLength),
    tailOffset,
  };
}

/** Takes frames from a connection until it ends. `onMessage` gets bytes that it may keep. */
export async function receiveHandovers(
  connection: { read(into: Uint8Array): Promise<number | null> },
  onMessage: (message: QueuedMessage) => void,
  onScan: () => void,
): Promise<void> {
  let held = new Uint8Array(0);
  const room = new Uint8Array(65536);
  for (;;) {
    const count = await connection.read(room);
    if (count === null) return;
    const input = new Uint8Array(held.length + count);
    input.set(held);
    input.set(room.subarray(0, count), held.length);
    const view = new DataView(input.buffer);
    let at = 0;
    while (at + 4 <= input.length) {
      const size = view.getUint32(at);
      if (size > LARGEST_FRAME) throw new RangeError(`Hand-over frame of ${size} bytes`);
      if (at + 4 + size > input.length) break;
      if (size === 0) onScan();
      else onMessage(decodeHandover(input.subarray(at + 4, at + 4 + size)));
      at += 4 + size;
    }
    held = input.subarray(at);
  }
}

/** The front's end: sends what it can, keeps trying to connect, never makes a session wait. */
export class HandoverSender {
  #connection: Deno.UnixConn | undefined;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #missed = false;
  #writing = false;
  #closed = false;
  #retry: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param beforeWrite called before messages are announced: what was logged about them comes first in the log
   */
  constructor(private readonly path: string, private readonly beforeWrite: () => void = () => {}) {
    void this.#connect();
  }

  send(message: QueuedMessage): void {
    if (this.#connection === undefined || this.#pendingBytes > LARGEST_BACKLOG) {
      this.#missed = true;
      return;
    }
    const frame = encodeHandover(message);
    this.#pending.push(frame);
    this.#pendingBytes += frame.length;
    if (!this.#writing) void this.#write();
  }

  async #connect(): Promise<void> {
    try {
      this.#connection = await Deno.connect({ transport: "unix", path: this.path });
      // What was queued while nobody listened is found by a scan.
      this.#pending = [new Uint8Array(4)];
      this.#pendingBytes = 0;
      await this.#write();
    } catch {
      this.#disconnected();
    }
  }

  #disconnected(): void {
    try {
      this.#connection?.close();
    } catch {
      // Closed already.
    }
    this.#connection = undefined;
    this.#pending = [];
    this.#pendingBytes = 0;
    if (!this.#closed) this.#retry = setTimeout(() => void this.#connect(), 250);
  }

  /** One writer at a time; frames that arrive meanwhile leave together in the next write. */
  async #write(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#writing = true;
    // Messages that were synced together are announced together.
    await new Promise<void>((next) => setImmediate(next));
    try {
      while (this.#pending.length > 0) {
        if (this.#missed) this.#pending.push(new Uint8Array(4));
        this.#missed = false;
        this.beforeWrite();
        const frames = this.#pending;
        this.#pending = [];
        let bytes = frames.length === 1 ? frames[0]! : joined(frames);
        this.#pendingBytes = 0;
        while (bytes.length > 0) bytes = bytes.subarray(await connection.write(bytes));
      }
    } catch {
      this.#disconnected();
    } finally {
      this.#writing = false;
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#connection?.close();
    this.#connection = undefined;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
