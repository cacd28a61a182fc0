/** The message itself: headers one by one, then body records that pass as they are. */
import { ByteBuffer, decodeText, encodeText } from "../../core/bytes/mod.ts";
import { mailDate, MimeEvent, MimeScanner } from "../../core/message/mod.ts";
import { RecordType } from "../../core/queue/types.ts";
import { appendRecord, appendTextRecord } from "./records.ts";
import type { MessageState } from "./state.ts";
import { CleanupStatus } from "./types.ts";

const NEWLINE = 0x0a;
/** Held-back output is handed over in pieces of about this size. */
const FLUSH_SIZE = 65536;

export class ContentStage {
  readonly #state: MessageState;
  readonly #scanner: MimeScanner;
  readonly #out = new ByteBuffer(4096);
  /** Keys of known headers met in the primary block. */
  readonly #seen = new Set<string>();
  #resent = false;
  #hops = 0;

  constructor(state: MessageState) {
    this.#state = state;
    const { settings } = state.context;
    this.#scanner = new MimeScanner({
      headerLimit: settings.headerSizeLimit,
      boundaryLimit: settings.mimeBoundaryLengthLimit,
      nestingLimit: settings.mimeNestingLimit,
      disabled: settings.disableMime,
      report: 0,
    });
  }

  /** Can body records from here on be copied without looking at them? */
  get passive(): boolean {
    return this.#scanner.passive;
  }

  /**
   * Takes the `N` or `L` record that stands in `bytes` from `recordStart` on, its data from `start` to `end`.
   * A promise: the record is done with when it resolves.
   */
  record(
    type: number,
    bytes: Uint8Array,
    recordStart: number,
    start: number,
    end: number,
  ): void | Promise<void> {
    for (;;) {
      switch (this.#scanner.feed(type, bytes, start, end)) {
        case MimeEvent.Body:
          this.#out.append(bytes.subarray(recordStart, end));
          if (this.#out.length > FLUSH_SIZE) this.flush();
          return;
        case MimeEvent.Held:
          return;
        case MimeEvent.Header: {
          const pending = this.#header();
          if (pending !== undefined) {
            return pending.then(() => this.record(type, bytes, recordStart, start, end));
          }
          break;
        }
        case MimeEvent.HeadersEnd:
          this.#headersEnd();
          break;
        case MimeEvent.BlankLine:
          appendRecord(this.#out, RecordType.Normal, new Uint8Array(0));
          break;
      }
    }
  }

  /** Copies whole body records that need no look; only while `passive`. */
  pass(records: Uint8Array): void {
    if (this.#out.length > 0) this.flush();
    this.#state.writer.append(records);
  }

  /** The content is over. */
  async end(): Promise<void> {
    for (;;) {
      const event = this.#scanner.end();
      if (event === MimeEvent.Header) await this.#header();
      else if (event === MimeEvent.HeadersEnd) this.#headersEnd();
      else break;
    }
    this.flush();
  }

  /** Hands what was held back to the queue file. */
  flush(): void {
    if (this.#out.length === 0) return;
    this.#state.writer.append(this.#out.view());
    this.#out.clear(FLUSH_SIZE * 2);
  }

  /** One complete header. */
  #header(): void | Promise<void> {
    const state = this.#state;
    const known = this.#scanner.knownHeader;
    const header = this.#scanner.header;
    if (known === undefined || this.#scanner.headerClass !== "primary") return this.#writeHeader(header);
    this.#seen.add(known.key);
    const value = () => decodeText(header.subarray(this.#scanner.headerNameLength + 1)).trim();
    if (known.key === "message-id") state.context.log.info(`${state.queueId}: message-id=${value()}`);
    else if (known.key === "resent-message-id") {
      state.context.log.info(`${state.queueId}: resent-message-id=${value()}`);
    } else if (known.key === "received" && ++this.#hops >= state.context.settings.hopcountLimit) {
      state.refuse(CleanupStatus.Hops);
    }
    if (known.key.startsWith("resent-")) this.#resent = true;
    if (!state.context.settings.dropHeaders.has(known.key)) this.#writeHeader(header);
  }

  #writeHeader(header: Uint8Array): void {
    let at = 0;
    while (at <= header.length) {
      const newline = header.indexOf(NEWLINE, at);
      const end = newline < 0 ? header.length : newline;
      appendRecord(this.#out, RecordType.Normal, header.subarray(at, end));
      at = end + 1;
    }
  }

  /** The primary headers are over: what is missing is added (RFC 5322, 3.6). */
  #headersEnd(): void {
    const state = this.#state;
    const { settings, log } = state.context;
    if (!this.#seen.has("received")) {
      state.refuse(CleanupStatus.Bad, "no Received: header");
      return;
    }
    const prefix = this.#resent ? "Resent-" : "";
    const has = (name: string) => this.#seen.has(prefix.toLowerCase() + name);
    if (state.headerContext !== undefined || settings.alwaysAddMissingHeaders) {
      if (!has("message-id")) {
        const id = this.#messageId();
        appendTextRecord(this.#out, RecordType.Normal, `${prefix}Message-Id: ${id}`);
        log.info(`${state.queueId}: ${prefix.toLowerCase()}message-id=${id}`);
        this.#seen.add(prefix.toLowerCase() + "message-id");
      }
      if (!has("date")) {
        const date = mailDate(state.arrival!.seconds);
        appendTextRecord(this.#out, RecordType.Normal, `${prefix}Date: ${date}`);
      }
      if (!has("from")) {
        appendTextRecord(
          this.#out,
          RecordType.Normal,
          `${prefix}From: ${state.sender || "MAILER-DAEMON"}`,
        );
      }
      const visible = ["to", "cc", "resent-to", "resent-cc"].some((key) => this.#seen.has(key));
      if (!visible && settings.undisclosedRecipientsHeader !== "") {
        appendRecord(this.#out, RecordType.Normal, encodeText(settings.undisclosedRecipientsHeader));
      }
    }
    if (!this.#seen.has("message-id") && !this.#seen.has("resent-message-id")) {
      log.info(`${state.queueId}: message-id=<>`);
    }
  }

  #messageId(): string {
    const { queueId, writer, context: { settings } } = this.#state;
    if (settings.longQueueIds) return `<${queueId}@${settings.myhostname}>`;
    const stamp = new Date(writer.created.seconds * 1000).toISOString().replace(/[-:T]/g, "").slice(0, 14);
    return `<${stamp}.${queueId}@${settings.myhostname}>`;
  }
}
