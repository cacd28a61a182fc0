/** One message on its way through the stages envelope, content, extracted, and into the queue. */
import { stackOf } from "../../core/errors/mod.ts";
import { appendRecordHeader, formatSizeRecord, QueueFileError, RecordType } from "../../core/queue/mod.ts";
import { bounceMessage, bounces } from "./bounce.ts";
import { ContentStage } from "./content.ts";
import { envelopeRecord, forbiddenType } from "./envelope.ts";
import { finishExtracted, startExtracted } from "./extracted.ts";
import { recordRun } from "./record_run.ts";
import type { MessageState } from "./state.ts";
import { CleanupFlag, type CleanupMessage, type CleanupResult, CleanupStatus } from "./types.ts";

const NO_SIZES = formatSizeRecord({
  contentSize: 0,
  contentOffset: 0,
  recipientCount: 0,
  hints: 0,
  messageSize: 0,
  sendopts: 0,
});

/** Length fields have at most five groups of seven bits. */
const LAST_SHIFT = 28;

/** What `CleanupService.begin` returns. */
export class Message implements CleanupMessage {
  readonly queueId: string;
  readonly #state: MessageState;
  #stage: "envelope" | "content" | "extracted" | "complete" = "envelope";
  #content: ContentStage | undefined;
  /** The file was committed or removed. */
  #gone = false;

  constructor(state: MessageState) {
    this.#state = state;
    this.queueId = state.queueId;
    state.head.append(NO_SIZES);
  }

  /** The flags, for a client that gets the queue id before it says what it wants. Only before the first `write`. */
  setFlags(flags: number): void {
    this.#state.setFlags(flags);
  }

  write(records: Uint8Array): void | Promise<void> {
    try {
      const pending = this.#walk(records, 0);
      return pending?.catch((error) => this.#failed(error));
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Takes the records from `at` on; at one that has to wait for something it stops and goes on afterwards. */
  #walk(records: Uint8Array, at: number): void | Promise<void> {
    while (at < records.length) {
      if (this.#state.stopped) return;
      const recordStart = at;
      const type = records[at++]!;
      let length = 0;
      for (let shift = 0;; shift += 7) {
        const byte = records[at++];
        if (byte === undefined || shift > LAST_SHIFT) return this.#malformed();
        length += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) break;
      }
      const start = at;
      at += length;
      if (at > records.length) return this.#malformed();
      let pending: void | Promise<void>;
      if (this.#stage === "content" && (type === RecordType.Normal || type === RecordType.Continued)) {
        const content = this.#content!;
        if (content.passive) {
          const run = recordRun(records, recordStart, this.#state.context.settings.replaceStrayCrLf);
          if (run.end > recordStart) {
            content.pass(records.subarray(recordStart, run.end), run.lastType);
            this.#checkSize();
            at = run.end;
            continue;
          }
        }
        pending = content.record(type, records, recordStart, start, at);
        this.#checkSize();
      } else {
        pending = this.#structural(type, records.subarray(start, at));
        this.#checkSize();
      }
      if (pending !== undefined) {
        const next = at;
        return pending.then(() => this.#walk(records, next));
      }
    }
  }

  /** Every record that is not a line of content. */
  #structural(type: number, data: Uint8Array): void | Promise<void> {
    const state = this.#state;
    switch (this.#stage) {
      case "envelope":
        if (type !== RecordType.Message) return envelopeRecord(state, type, data, false);
        envelopeRecord(state, type, data, false);
        if (!state.stopped) this.#startContent();
        return;
      case "content":
        if (type === RecordType.Extracted) return this.#endContent();
        if (type === RecordType.Pointer || type === RecordType.Padding) return forbiddenType(state, type);
        return state.refuse(CleanupStatus.Bad, `unexpected record type ${type} in message content`);
      case "extracted":
        if (type !== RecordType.End) return envelopeRecord(state, type, data, true);
        this.#stage = "complete";
        return finishExtracted(state);
      case "complete":
        return state.refuse(CleanupStatus.Bad, `unexpected record type ${type} after the end of the message`);
    }
  }

  #startContent(): void {
    const state = this.#state;
    appendRecordHeader(state.head, RecordType.Message, 0);
    state.contentOffset = state.head.length;
    state.writer.append(state.head.view());
    state.out = state.tail;
    this.#content = new ContentStage(state);
    this.#stage = "content";
  }

  async #endContent(): Promise<void> {
    await this.#content!.end();
    this.#checkSize();
    if (this.#state.stopped) return;
    startExtracted(this.#state);
    this.#stage = "extracted";
  }

  /** `message_size_limit` counts everything in the file. */
  #checkSize(): void {
    const state = this.#state;
    const limit = state.context.settings.messageSizeLimit;
    const pending = this.#stage === "envelope" ? state.head.length : this.#content!.pendingLength;
    if (limit === 0 || state.writer.offset + pending + state.tail.length <= limit || state.stopped) return;
    state.warn("queue file size limit exceeded");
    state.refuse(CleanupStatus.Size);
  }

  #malformed(): void {
    this.#state.refuse(CleanupStatus.Bad, "record with a length that goes beyond the input");
  }

  #failed(error: unknown): void {
    const state = this.#state;
    state.refuse(CleanupStatus.Write);
    if (error instanceof QueueFileError) state.warn(`write queue file: ${error.message}`);
    else {
      const detail = stackOf(error);
      state.context.log.error(`${state.queueId}: unexpected failure, message not accepted: ${detail}`);
    }
  }

  async finish(): Promise<CleanupResult> {
    const result = await this.#conclude();
    this.#release();
    return result;
  }

  async #conclude(): Promise<CleanupResult> {
    const state = this.#state;
    if (!state.stopped) {
      if (this.#stage !== "complete") state.errors |= CleanupStatus.Bad;
      else if (state.recipient === undefined) state.errors |= CleanupStatus.NoRecipients;
    }
    const discarded = (state.flags & CleanupFlag.Discard) !== 0;
    if (state.errors === 0 && !discarded) await this.#attempt(() => this.#commit());
    else if (!discarded && bounces(state)) await this.#attempt(() => this.#bounce());
    if (!this.#gone) {
      this.abort();
      // One line that ends the message's trail in the log; refused input that never was a message has none.
      if (discarded) state.context.log.info(`${state.queueId}: removed (discarded)`);
      else if (state.sender !== undefined) state.context.log.info(`${state.queueId}: removed (canceled)`);
    }
    return { status: discarded ? CleanupStatus.Ok : state.errors, reason: state.reason };
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Writes what is still held back, and the sizes. */
  #seal(): void {
    const state = this.#state;
    const { writer } = state;
    writer.append(state.tail.view());
    const contentSize = state.extractedOffset - state.contentOffset;
    const sizes = formatSizeRecord({
      contentSize,
      contentOffset: state.contentOffset,
      recipientCount: state.recipientCount,
      hints: state.queueManagerHints,
      messageSize: contentSize,
      sendopts: state.sendopts,
    });
    writer.overwrite(0, sizes);
    state.head.overwrite(0, sizes);
  }

  async #commit(): Promise<void> {
    const state = this.#state;
    this.#seal();
    const hold = (state.flags & CleanupFlag.Hold) !== 0;
    this.#gone = true;
    await state.writer.commit(hold ? "hold" : "incoming");
    if (hold) return;
    state.context.deps.onQueued?.({
      id: state.queueId,
      queue: "incoming",
      head: state.head.view(),
      tail: state.tail.view(),
      tailOffset: state.extractedOffset,
    });
  }

  async #bounce(): Promise<void> {
    const state = this.#state;
    if (this.#stage === "envelope") return;
    if (this.#stage === "content") {
      // Cut short by its size: what is there becomes a readable file.
      this.#content!.flush();
      startExtracted(state);
    }
    if (this.#stage !== "complete") appendRecordHeader(state.tail, RecordType.End, 0);
    this.#seal();
    state.writer.flush();
    await bounceMessage(state);
  }

  abort(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#state.writer.discard();
  }

  #release(): void {
    // Whatever might still be written must not get into buffers that are another message's by now.
    this.#stage = "complete";
    this.#content?.release();
    this.#content = undefined;
    this.#state.release();
  }
}
