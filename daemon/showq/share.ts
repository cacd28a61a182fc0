/**
 * A long listing made by two processes: the one with showq(8) lists hash directories from the front, a second one takes
 * directories from the back until they meet. Opening a hundred thousand files is all that a listing costs, and a second
 * process does that on a second processor.
 *
 * On the wire: the asking side sends `QUEUE PART\n`; the answer is frames, each a 32-bit length (big-endian) and that
 * many octets of whole messages as showq sends them; a frame of length 0 ends the part.
 */
import { writeAll } from "../../core/bytes/mod.ts";
import { AttributeWriter, type ByteSink, type ByteSource } from "../../core/ipc/mod.ts";
import {
  LISTED_QUEUES,
  type ListingOptions,
  type Queue,
  type QueueName,
  withBounced,
} from "../../core/queue/mod.ts";
import { endTurn } from "../../core/system/mod.ts";
import { ListingWriter, type ShowqLevel } from "./wire.ts";

/** A piece of the listing that leaves in one write. */
export const PIECE = 65536;

/** A frame has a piece and at most one more message; one of a million recipients fits. */
const LARGEST_FRAME = 1 << 30;

/** A request names a queue and a directory. */
const LONGEST_REQUEST = 64;

/** What lists. */
export interface ListingSource {
  readonly queue: Queue;
  readonly options: ListingOptions;
  readonly level: ShowqLevel;
}

/** A connection to the second process. */
export interface ShareConnection extends ByteSource, ByteSink {
  close(): void;
}

/** Serves a connection of the asking side until it ends. Throws on a request that is none. */
export async function serveShare(
  connection: ByteSource & ByteSink,
  { queue, options, level }: ListingSource,
): Promise<void> {
  const withLogs = withBounced(queue, options);
  const buffer = new Uint8Array(LONGEST_REQUEST);
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return;
    // The asking side waits for the answer before it asks again: a request comes alone.
    const match = /^([a-z]+) (\w?)\n$/.exec(new TextDecoder().decode(buffer.subarray(0, count)));
    const name = LISTED_QUEUES.find((known) => known === match?.[1]);
    if (match === null || name === undefined) throw new Error("malformed request for a part of a listing");
    const writer = new AttributeWriter();
    for (const _ of queue.listInto(name, withLogs, new ListingWriter(writer, level), match[2]!)) {
      if (writer.length > PIECE) await sendFrame(connection, writer);
    }
    if (writer.length > 0) await sendFrame(connection, writer);
    await writeAll(connection, new Uint8Array(4));
  }
}

async function sendFrame(sink: ByteSink, writer: AttributeWriter): Promise<void> {
  const frame = new Uint8Array(4 + writer.length);
  new DataView(frame.buffer).setUint32(0, writer.length);
  frame.set(writer.view(), 4);
  writer.clear();
  await writeAll(sink, frame);
  await endTurn();
}

/** Asks the second process for directories. */
export class ListingShare {
  readonly #connection: ShareConnection;
  #held = new Uint8Array(4 * PIECE);
  #start = 0;
  #end = 0;

  constructor(connection: ShareConnection) {
    this.#connection = connection;
  }

  /** Has one part listed; `send` gets octets of whole messages, valid until it resolves. Throws if the other side ends. */
  async list(queue: QueueName, part: string, send: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    await writeAll(this.#connection, new TextEncoder().encode(`${queue} ${part}\n`));
    for (;;) {
      await this.#fill(4);
      const length = new DataView(this.#held.buffer).getUint32(this.#start);
      this.#start += 4;
      if (length === 0) return;
      if (length > LARGEST_FRAME) throw new RangeError(`a piece of a listing with ${length} octets`);
      await this.#fill(length);
      await send(this.#held.subarray(this.#start, this.#start + length));
      this.#start += length;
    }
  }

  close(): void {
    this.#connection.close();
  }

  /** Reads until `wanted` octets are there. */
  async #fill(wanted: number): Promise<void> {
    if (this.#end - this.#start >= wanted) return;
    const held = this.#held.subarray(this.#start, this.#end);
    if (wanted > this.#held.length) this.#held = new Uint8Array(wanted + PIECE);
    this.#held.set(held);
    this.#start = 0;
    this.#end = held.length;
    while (this.#end < wanted) {
      const count = await this.#connection.read(this.#held.subarray(this.#end));
      if (count === null) throw new Error("the process that helps with the listing ended");
      this.#end += count;
    }
  }
}
