/** The message itself: headers one by one, then body records that pass as they are. */
import { type ByteBuffer, decodeText } from "../../core/bytes/mod.ts";
import {
  MimeError,
  mimeErrorText,
  MimeEvent,
  type MimeOptions,
  MimeScanner,
} from "../../core/message/mod.ts";
import { appendRecord, RecordType } from "../../core/queue/mod.ts";
import { check, type CheckOutcome, inspects } from "./checks.ts";
import { HeaderStage } from "./headers.ts";
import type { Settings } from "./settings.ts";
import type { MessageState } from "./state.ts";
import { CleanupFlag, CleanupStatus } from "./types.ts";

/** Held-back output is handed over in pieces of about this size. */
const FLUSH_SIZE = 65536;
const NOTHING = new Uint8Array(0);
const CR = 0x0d;
const LF = 0x0a;

/** The stage between the envelope and what is extracted. */
export class ContentStage {
  readonly #state: MessageState;
  readonly #scanner: MimeScanner;
  readonly #headers: HeaderStage;
  readonly #out: ByteBuffer;
  readonly #headerBuffer: ByteBuffer;
  readonly #changesBytes: boolean;
  #lastType: number = RecordType.Normal;

  constructor(state: MessageState) {
    this.#state = state;
    const { settings, buffers } = state.context;
    this.#out = buffers.take();
    this.#headerBuffer = buffers.take();
    this.#headers = new HeaderStage(state, this.#out);
    this.#scanner = new MimeScanner(mimeOptions(state, settings), this.#headerBuffer);
    this.#changesBytes = settings.rejectCharacters !== undefined || settings.stripCharacters !== undefined;
  }

  /** Can body records from here on be copied without looking into them (other than for stray CR and LF)? */
  get passive(): boolean {
    return this.#scanner.passive && !this.#changesBytes &&
      !inspects(this.#state, this.#state.context.settings.checks.body);
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
    const cleaned = this.#cleaned(bytes, start, end);
    if (cleaned === undefined) return this.#feed(type, bytes, recordStart, start, end);
    if (this.#state.stopped) return;
    return this.#feed(type, cleaned, -1, 0, cleaned.length);
  }

  /** @param recordStart -1 if the record has to be framed anew */
  #feed(
    type: number,
    bytes: Uint8Array,
    recordStart: number,
    start: number,
    end: number,
  ): void | Promise<void> {
    for (;;) {
      switch (this.#scanner.feed(type, bytes, start, end)) {
        case MimeEvent.Body:
          this.#lastType = type;
          return this.#body(type, bytes, recordStart, start, end);
        case MimeEvent.Held:
          this.#lastType = RecordType.Normal;
          return;
        case MimeEvent.Header: {
          const pending = this.#header();
          if (pending !== undefined) {
            return pending.then(() => {
              if (!this.#state.stopped) return this.#feed(type, bytes, recordStart, start, end);
            });
          }
          break;
        }
        case MimeEvent.HeadersEnd:
          this.#headers.end();
          break;
        case MimeEvent.BlankLine:
          this.#blankLine();
          break;
      }
      if (this.#state.stopped) return;
    }
  }

  #header(): void | Promise<void> {
    const { headerClass, header, headerNameLength, knownHeader } = this.#scanner;
    return this.#headers.header(headerClass, header, headerNameLength, knownHeader);
  }

  /** A header block ended with something else than an empty line. */
  #blankLine(): void {
    const state = this.#state;
    if (state.context.settings.rejectNonEmptyEndOfHeader) {
      state.errors |= CleanupStatus.Content;
      if (state.reason === "") state.reason = "5.6.0 message header was terminated by non-empty line";
      return;
    }
    appendRecord(this.#out, RecordType.Normal, NOTHING);
  }

  #body(
    type: number,
    bytes: Uint8Array,
    recordStart: number,
    start: number,
    end: number,
  ): void | Promise<void> {
    const state = this.#state;
    const { checks } = state.context.settings;
    const write = () => {
      if (recordStart < 0) appendRecord(this.#out, type, bytes.subarray(start, end));
      else this.#out.append(bytes.subarray(recordStart, end));
      if (this.#out.length > FLUSH_SIZE) this.flush();
    };
    if (end === start || !inspects(state, checks.body) || this.#scanner.bodyOffset >= checks.bodySizeLimit) {
      return write();
    }
    const nul = bytes.indexOf(0, start);
    const text = decodeText(bytes.subarray(start, nul < 0 || nul > end ? end : nul));
    const outcome = check(state, checks.body, "body_checks", "body", text);
    const apply = (verdict: CheckOutcome) => {
      if (state.stopped || !verdict.keep) return;
      if (verdict.prepend !== undefined) this.#line(RecordType.Normal, verdict.prepend);
      if (verdict.replace !== undefined) this.#line(type, verdict.replace);
      else write();
    };
    return outcome instanceof Promise ? outcome.then(apply) : apply(outcome);
  }

  #line(type: number, text: string): void {
    appendRecord(this.#out, type, new TextEncoder().encode(text));
  }

  /** The record without what must not be in it; undefined if it is fine as it is. */
  #cleaned(bytes: Uint8Array, start: number, end: number): Uint8Array | undefined {
    const state = this.#state;
    const { rejectCharacters, stripCharacters, replaceStrayCrLf } = state.context.settings;
    if (rejectCharacters !== undefined && (state.flags & CleanupFlag.Filter) !== 0) {
      for (let at = start; at < end; at++) {
        if (!rejectCharacters.has(bytes[at]!)) continue;
        const nul = bytes.subarray(start, end).indexOf(0);
        this.#rejectCharacter(decodeText(bytes.subarray(start, nul < 0 ? end : start + nul)));
        return NOTHING;
      }
    }
    let cleaned: Uint8Array | undefined;
    if (stripCharacters !== undefined) {
      const kept = bytes.subarray(start, end).filter((byte) => !stripCharacters.has(byte));
      if (kept.length !== end - start) cleaned = kept;
    }
    if (!replaceStrayCrLf) return cleaned;
    const checked = cleaned ?? bytes.subarray(start, end);
    if (!checked.includes(CR) && !checked.includes(LF)) return cleaned;
    return checked.map((byte) => byte === CR || byte === LF ? 0x20 : byte);
  }

  #rejectCharacter(line: string): void {
    const state = this.#state;
    state.reason ||= "5.7.1 disallowed character";
    state.errors |= CleanupStatus.Content;
    state.logVerdict("reject", "content", line, state.reason);
  }

  /** Copies whole body records that need no look; only while `passive`. @param lastType type of the last one */
  pass(records: Uint8Array, lastType: number): void {
    if (this.#out.length > 0) this.flush();
    this.#lastType = lastType;
    this.#state.writer.append(records);
  }

  /** The content is over. */
  async end(): Promise<void> {
    const state = this.#state;
    if (this.#lastType === RecordType.Continued) {
      await this.#feed(RecordType.Normal, NOTHING, -1, 0, 0);
    }
    for (;;) {
      if (state.stopped) return;
      const event = this.#scanner.end();
      if (event === MimeEvent.Header) await this.#header();
      else if (event === MimeEvent.HeadersEnd) this.#headers.end();
      else break;
    }
    const broken = this.#scanner.errors & ~MimeError.TruncatedHeader;
    if (broken !== 0 && state.reason === "") {
      const { dsn, text } = mimeErrorText(broken);
      state.reason = `${dsn} ${text}`;
      state.errors |= CleanupStatus.Content;
    }
    this.flush();
  }

  /** Hands what was held back to the queue file. */
  flush(): void {
    if (this.#out.length === 0) return;
    this.#state.writer.append(this.#out.view());
    this.#out.clear(FLUSH_SIZE * 2);
  }

  /** The stage is not used any more. */
  release(): void {
    const { buffers } = this.#state.context;
    buffers.give(this.#out);
    buffers.give(this.#headerBuffer);
  }

  /** Bytes held back. */
  get pendingLength(): number {
    return this.#out.length;
  }
}

function mimeOptions(state: MessageState, settings: Settings): MimeOptions {
  const base = {
    headerLimit: settings.headerSizeLimit,
    boundaryLimit: settings.mimeBoundaryLengthLimit,
    nestingLimit: settings.mimeNestingLimit,
  };
  if (settings.disableMime) return { ...base, disabled: true, report: 0 };
  let report = 0;
  // Mail that is forwarded or bounced within the system is past these checks.
  if ((state.flags & CleanupFlag.Filter) !== 0) {
    if (settings.strict7bitHeaders) report |= MimeError.EightBitHeader;
    if (settings.strict8bitBody) report |= MimeError.EightBitBody;
    if (settings.strictEncodingDomain) report |= MimeError.EncodingDomain;
    const { header, mime, nested } = settings.checks;
    if (report !== 0 || header !== undefined || mime !== undefined || nested !== undefined) {
      report |= MimeError.Nesting;
    }
  }
  return {
    ...base,
    disabled: false,
    report,
    onError(error, text) {
      state.logVerdict("reject", `mime-error ${mimeErrorText(error).text}:`, text.slice(0, 100), "");
    },
  };
}
