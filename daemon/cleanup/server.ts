/** The socket `public/cleanup`: Postfix's cleanup protocol (docs/ipc.md) on a connection. */
import { writeAll } from "../../core/bytes/mod.ts";
import {
  announcement,
  AttributeReader,
  AttributeWriter,
  type ByteSink,
  type ByteSource,
  InputBuffer,
} from "../../core/ipc/mod.ts";
import { QueueFileError } from "../../core/queue/mod.ts";
import { type CleanupMessage, type CleanupResult, type CleanupService, CleanupStatus } from "./types.ts";

const CHUNK = 65536;
/** No record that belongs into a queue file is longer. */
const LONGEST_RECORD = 16 * 1024 * 1024;
const END = 0x45;

/**
 * Serves one client: greets with the queue id, takes the flags and the records up to `E`, answers with the status.
 * A client that goes away before that leaves nothing behind. Does not close the connection.
 */
export async function serveCleanup(
  connection: ByteSource & ByteSink,
  service: CleanupService,
): Promise<void> {
  let message: CleanupMessage;
  try {
    message = service.begin(0);
  } catch (error) {
    // Nothing to greet with: the client sees the connection close and tries again later.
    if (error instanceof QueueFileError) return;
    throw error;
  }
  try {
    await writeAll(connection, announcement("cleanup", [["queue_id", message.queueId]]));
    const input = new RecordInput(connection);
    const flags = await input.flags();
    if (message.setFlags === undefined) throw new TypeError("This cleanup service wants its flags first");
    message.setFlags(flags);
    for (;;) {
      const records = await input.records();
      if (records === undefined) break;
      await message.write(records);
    }
    if (!input.ended) {
      message.abort();
      await reply(connection, { status: CleanupStatus.Bad, reason: "" });
      return;
    }
    await reply(connection, await message.finish());
  } finally {
    message.abort();
  }
}

async function reply(connection: ByteSink, { status, reason }: CleanupResult): Promise<void> {
  await writeAll(
    connection,
    new AttributeWriter().integer("status", status).text("reason", reason).end().view(),
  );
}

/** Cuts a connection's bytes into the attribute list with the flags and pieces of whole records. */
class RecordInput {
  readonly #input: InputBuffer;
  /** The `E` record was there. */
  ended = false;

  constructor(source: ByteSource) {
    this.#input = new InputBuffer(source, CHUNK);
  }

  /** `flags` of the request. Throws `AttributeError` when something else comes. */
  async flags(): Promise<number> {
    for (;;) {
      const list = this.#input.bytes;
      for (let at = 1; at < list.length; at++) {
        if (list[at] !== 0 || list[at - 1] !== 0) continue;
        const reader = new AttributeReader(this.#input.take(at + 1));
        const flags = await reader.integer("flags");
        await reader.end();
        return flags;
      }
      // 64 bytes hold any number; what is longer is no request.
      if (list.length > 64 || !(await this.#input.fill())) {
        return await new AttributeReader(list).integer("flags");
      }
    }
  }

  /** The next whole records; undefined when `E` was there or the client closed. */
  async records(): Promise<Uint8Array | undefined> {
    if (this.ended) return undefined;
    for (;;) {
      const length = this.#wholeRecords();
      if (length > 0) return this.#input.take(length);
      if (!(await this.#input.fill())) return undefined;
    }
  }

  /** Length of the whole records in the buffer, at most up to `E`. */
  #wholeRecords(): number {
    const { bytes } = this.#input;
    let at = 0;
    while (at < bytes.length && !this.ended) {
      let index = at + 1;
      let length = 0;
      let byte = 0x80;
      for (let scale = 1; byte >= 0x80; scale *= 128) {
        if (index >= bytes.length) return at;
        byte = bytes[index++]!;
        length += (byte & 0x7f) * scale;
        if (length > LONGEST_RECORD || scale > 0x10000000) {
          throw new QueueFileError(
            `A record of ${length} bytes or more is longer than any can be`,
            "corrupt",
          );
        }
      }
      if (index + length > bytes.length) return at;
      this.ended = bytes[at] === END;
      at = index + length;
    }
    return at;
  }
}
