/**
 * The wake-up that a front process sends to the queue process when a message is on disk: the id together with the
 * envelope bytes, so that the queue manager need not read what was just written. Losing one costs a scan of
 * incoming/, never a message: every message was synced before.
 *
 * A frame is a 32-bit length (big-endian) and that many bytes: id length (1), id, tail offset (6), head length (4),
 * head, tail. A frame of length 0 asks for a scan of incoming/.
 */
import { ByteBuffer } from "../../core/bytes/mod.ts";
import type { QueuedMessage } from "../../core/queue/types.ts";

/** Messages with a larger envelope than this (thousands of recipients) are announced by a scan request. */
const LARGEST_FRAME = 1 << 20;
/** What may wait for a slow queue process, in bytes; beyond it only a scan request follows. */
const LARGEST_BACKLOG = 4 << 20;
/** Room for frames that is kept, in bytes. */
const KEPT_ROOM = 1 << 18;

const decoder = new TextDecoder();

/** Appends the frame of a message. The message's views are not needed any more then. */
export function appendHandover(out: ByteBuffer, message: QueuedMessage): void {
  const { id, head, tail, tailOffset } = message;
  const size = 1 + id.length + 6 + 4 + head.length + tail.length;
  if (size > LARGEST_FRAME) return appendScanRequest(out);
  appendNumber(out, size);
  out.appendByte(id.length);
  out.appendAscii(id);
  const high = Math.floor(tailOffset / 2 ** 32);
  out.appendByte(high >>> 8);
  out.appendByte(high & 0xff);
  appendNumber(out, tailOffset >>> 0);
  appendNumber(out, head.length);
  out.append(head);
  out.append(tail);
}

/** Appends the frame that asks for a scan of incoming/. */
function appendScanRequest(out: ByteBuffer): void {
  appendNumber(out, 0);
}

/** Four octets, the highest first. */
function appendNumber(out: ByteBuffer, value: number): void {
  const at = out.reserve(4);
  const { memory } = out;
  memory[at] = value >>> 24;
  memory[at + 1] = value >>> 16;
  memory[at + 2] = value >>> 8;
  memory[at + 3] = value;
}

/** The message in a frame's body. Throws `RangeError` on a frame that was not made by `appendHandover`. */
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
  /** Frames that wait, and the memory of those that are being written. */
  #pending = new ByteBuffer(4096);
  #leaving = new ByteBuffer(4096);
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
    if (this.#connection === undefined || this.#pending.length > LARGEST_BACKLOG) {
      this.#missed = true;
      return;
    }
    appendHandover(this.#pending, message);
    if (!this.#writing) void this.#write();
  }

  async #connect(): Promise<void> {
    try {
      this.#connection = await Deno.connect({ transport: "unix", path: this.path });
      // What was queued while nobody listened is found by a scan.
      this.#pending.clear(KEPT_ROOM);
      appendScanRequest(this.#pending);
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
    this.#pending.clear(KEPT_ROOM);
    this.#leaving.clear(KEPT_ROOM);
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
        if (this.#missed) appendScanRequest(this.#pending);
        this.#missed = false;
        this.beforeWrite();
        const leaving = this.#pending;
        this.#pending = this.#leaving;
        this.#leaving = leaving;
        let sent = 0;
        while (sent < leaving.length) sent += await connection.write(leaving.view(sent));
        leaving.clear(KEPT_ROOM);
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
