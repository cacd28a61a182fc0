/** One message on its way through the stages envelope, content, extracted. */
import { ByteBuffer } from "../../core/bytes/mod.ts";
import { QueueFileError, RecordType } from "../../core/queue/types.ts";
import { ContentStage } from "./content.ts";
import { envelopeRecord } from "./envelope.ts";
import { finishExtracted, startExtracted } from "./extracted.ts";
import { appendRecordHead, appendTextRecord, sizeRecord } from "./records.ts";
import type { MessageState } from "./state.ts";
import { CleanupFlag, type CleanupMessage, type CleanupResult, CleanupStatus } from "./types.ts";

const ZEROES = sizeRecord([0, 0, 0, 0, 0, 0]);

export class Message implements CleanupMessage {
  readonly queueId: string;
  readonly #state: MessageState;
  readonly #discardFile: () => void;
  #stage: "envelope" | "content" | "extracted" | "complete" = "envelope";
  #content: ContentStage | undefined;
  #gone = false;

  constructor(state: MessageState) {
    this.#state = state;
    this.queueId = state.queueId;
    this.#discardFile = () => {
      if (!this.#gone) state.writer.discard();
      this.#gone = true;
    };
    appendTextRecord(state.head, RecordType.Size, ZEROES);
  }

  write(records: Uint8Array): void | Promise<void> {
    try {
      return this.#walk(records, 0);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Takes the records from `at` on; stops at each that has to wait for something and goes on afterwards. */
  #walk(records: Uint8Array, at: number): void | Promise<void> {
    while (at < records.length) {
      if (this.#state.errors !== 0) return;
      const recordStart = at;
      const type = records[at++]!;
      let length = 0;
      for (let shift = 0;; shift += 7) {
        const byte = records[at++];
        if (byte === undefined || shift > 28) return this.#malformed("unexpected end of input");
        length += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) break;
      }
      const start = at;
      at += length;
      if (at > records.length) return this.#malformed("unexpected end of input");
      if (this.#stage === "content" && (type === RecordType.Normal || type === RecordType.Continued)) {
        const content = this.#content!;
        if (content.passive) {
          at = passableEnd(records, at);
          content.pass(records.subarray(recordStart, at));
          if (this.#tooBig()) return;
          continue;
        }
        const pending = content.record(type, records, recordStart, start, at);
        if (pending !== undefined) return this.#later(pending, records, at);
        if (this.#tooBig()) return;
        continue;
      }
      const pending = this.#structural(type, records.subarray(start, at));
      if (pending !== undefined) return this.#later(pending, records, at);
    }
  }

  #later(pending: Promise<void>, records: Uint8Array, at: number): Promise<void> {
    return pending.then(() => this.#walk(records, at)).catch((error) => this.#failed(error));
  }

  /** Every record that is not a line of content. */
  #structural(type: number, data: Uint8Array): void | Promise<void> {
    const state = this.#state;
    switch (this.#stage) {
      case "envelope": {
        const pending = envelopeRecord(state, type, data, false);
        if (type === RecordType.Message && state.errors === 0) this.#startContent();
        return pending;
      }
      case "content":
        if (type === RecordType.Extracted) {
          this.#stage = "extracted";
          return this.#content!.end().then(() => startExtracted(state));
        }
        return state.refuse(CleanupStatus.Bad, `unexpected record type ${type} in message content`);
      case "extracted":
        if (type === RecordType.End) {
          this.#stage = "complete";
          return finishExtracted(state);
        }
        return envelopeRecord(state, type, data, true);
      case "complete":
        return state.refuse(CleanupStatus.Bad, `unexpected record type ${type} after the end of the message`);
    }
  }

  #startContent(): void {
    const state = this.#state;
    appendRecordHead(state.head, RecordType.Message, 0);
    state.contentOffset = state.head.length;
    state.writer.append(state.head.view());
    state.out = state.tail;
    this.#content = new ContentStage(state);
    this.#stage = "content";
  }

  #tooBig(): boolean {
    const limit = this.#state.context.settings.messageSizeLimit;
    if (limit === 0 || this.#state.writer.offset <= limit) return false;
    this.#state.refuse(CleanupStatus.Size);
    return true;
  }

  #malformed(what: string): void {
    this.#state.refuse(CleanupStatus.Bad, what);
  }

  #failed(error: unknown): void {
    if (!(error instanceof QueueFileError)) throw error;
    this.#state.refuse(CleanupStatus.Write);
    this.#state.warn(`queue file write error: ${error.message}`);
  }

  async finish(): Promise<CleanupResult> {
    const state = this.#state;
    if (state.errors === 0 && this.#stage !== "complete") this.#malformed("unexpected end of input");
    if (state.errors !== 0 || (state.flags & CleanupFlag.Discard) !== 0) {
      this.#discardFile();
      return { status: state.errors, reason: state.reason };
    }
    try {
      await this.#commit();
    } catch (error) {
      this.#failed(error);
      return { status: state.errors, reason: "" };
    }
    return { status: CleanupStatus.Ok, reason: "" };
  }

  async #commit(): Promise<void> {
    const state = this.#state;
    const { writer, context: { deps } } = state;
    writer.append(state.tail.view());
    const size = new ByteBuffer(100);
    const contentSize = state.extractedOffset - state.contentOffset;
    appendTextRecord(
      size,
      RecordType.Size,
      sizeRecord([
        contentSize,
        state.contentOffset,
        state.recipientCount,
        state.queueManagerHints,
        contentSize,
        state.sendopts,
      ]),
    );
    writer.overwrite(0, size.view());
    state.head.overwrite(0, size.view());
    const hold = (state.flags & CleanupFlag.Hold) !== 0;
    this.#gone = true;
    await writer.commit(hold ? "hold" : "incoming");
    if (hold) return;
    deps.onQueued?.({
      id: state.queueId,
      queue: "incoming",
      head: state.head.view(),
      tail: state.tail.view(),
      tailOffset: state.extractedOffset,
    });
  }

  abort(): void {
    this.#discardFile();
  }
}

/** End of the run of content lines that begins at `at`. */
function passableEnd(records: Uint8Array, at: number): number {
  for (;;) {
    const type = records[at];
    if (type !== RecordType.Normal && type !== RecordType.Continued) return at;
    let next = at + 1;
    let length = 0;
    let shift = 0;
    for (;;) {
      const byte = records[next++];
      if (byte === undefined || shift > 28) return at;
      length += (byte & 0x7f) * 2 ** shift;
      shift += 7;
      if (byte < 0x80) break;
    }
    next += length;
    if (next > records.length) return at;
    at = next;
  }
}
