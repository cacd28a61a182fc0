import type { ByteBuffer } from "../bytes/mod.ts";
import { appendRecordHeader, RecordType } from "../queue/mod.ts";

const NORMAL = RecordType.Normal;
const CONTINUED = RecordType.Continued;
const LF = 10;
const CR = 13;
const DOT = 46;
const SPACE = 32;
const TAB = 9;
/** Lines up to here have a record header of two octets, as long as the CR LF that they lose. */
const SHORT_RECORD = 127;
/** So much is copied at once where lines stand behind each other as they will in the records. */
const AHEAD = 4096;
const GREATER = 62;
const FROM = new TextEncoder().encode("From ");
const MAILBOX_LINE = new TextEncoder().encode("X-Mailbox-Line: ");

export interface ContentOptions {
  /** `line_length_limit`: longer lines become several records. */
  readonly lineLimit: number;
  /**
   * Only CR LF ends a line properly, and only CR LF `.` CR LF ends the content; a lone LF still ends a line. Off: a lone
   * LF is as good as CR LF everywhere (`smtpd_forbid_bare_newline = no`).
   */
  readonly strict: boolean;
  /** From the first lone LF on nothing is recorded any more: the content will be refused. */
  readonly refuseBareLf: boolean;
  /** Content of DATA: dots are doubled and a dot alone ends it. Off for BDAT. */
  readonly dots: boolean;
}

/**
 * Turns message content from the wire into framed queue file records: `N` for a line, `L` for a piece of a line that is
 * too long. Scans each buffer once; bytes are copied from the input buffer into the record buffer and never become
 * strings. RFC 5321 sections 2.3.8, 4.1.1.4 and 4.5.2; RFC 3030 for BDAT.
 */
export class ContentReader {
  /** The final dot was read. */
  done = false;
  /** A line ended in LF without CR. */
  bareLf = false;
  /** Octets of the content so far, line ends counted as two. */
  size = 0;
  readonly #limit: number;
  readonly #strict: boolean;
  readonly #dots: boolean;
  readonly #refuseBareLf: boolean;
  /** Did the line before end as a line has to? True before the first line. */
  #cleanStart = true;
  /** Inside a line of which a piece was written. */
  #continued = false;
  #first = true;

  constructor(options: ContentOptions) {
    this.#limit = options.lineLimit;
    this.#strict = options.strict;
    this.#dots = options.dots;
    this.#refuseBareLf = options.refuseBareLf;
  }

  /**
   * Reads lines from `input`, appends records to `out` and returns how many bytes were used. The rest is an unfinished
   * line, which has to come again with more behind it, or, after `done`, what follows the content.
   */
  read(input: Uint8Array, out: ByteBuffer): number {
    const limit = this.#limit;
    let start = 0;
    while (!this.done) {
      start = this.#shortLines(input, start, out);
      let at = input.indexOf(LF, start);
      if (at < 0) at = input.length;
      // Pieces that are surely not the end of the line: two bytes more than the limit are here.
      const cutEnd = at === input.length ? at - 2 : input[at - 1] === CR ? at - 1 : at;
      while (cutEnd - start >= limit) {
        this.#piece(input, start, start + limit, out);
        start += limit;
      }
      if (at === input.length) break;
      this.#line(input, start, at, out);
      start = at + 1;
    }
    return start;
  }

  /**
   * Takes ordinary lines from `start` on and returns where the first other one begins. A stretch of the input is copied in
   * one go, and the line ends in it are overwritten with the headers of the records that follow.
   */
  #shortLines(input: Uint8Array, start: number, out: ByteBuffer): number {
    if (this.#first || this.#continued || (this.bareLf && this.#refuseBareLf)) return start;
    const most = Math.min(SHORT_RECORD, this.#limit - 1);
    let memory = out.memory;
    let at = out.length;
    let copiedTo = start;
    for (;;) {
      const lf = input.indexOf(LF, start);
      const end = lf - 1;
      const length = end - start;
      if (
        lf < 0 || length < 0 || length > most || input[end] !== CR || (this.#dots && input[start] === DOT) ||
        (!this.#strict && length > 0 && input[end - 1] === CR)
      ) break;
      if (end > copiedTo || at + 2 > memory.length) {
        copiedTo = Math.min(input.length, start + AHEAD);
        out.reserve(at - out.length);
        out.ensure(2 + copiedTo - start);
        memory = out.memory;
        memory.set(input.subarray(start, copiedTo), at + 2);
      }
      memory[at] = NORMAL;
      memory[at + 1] = length;
      at += 2 + length;
      this.size += length + 2;
      this.#cleanStart = true;
      start = lf + 1;
    }
    out.reserve(at - out.length);
    return start;
  }

  /** After the last chunk of BDAT: a rest without line end becomes a line. */
  finish(rest: Uint8Array, out: ByteBuffer): void {
    if (rest.length > 0) this.#record(NORMAL, rest, 0, rest.length, out);
    else if (this.#continued) this.#record(NORMAL, rest, 0, 0, out);
    this.#continued = false;
  }

  /** Where a line's content ends: before LF, before one CR (strict) or all CRs in front of it. */
  #contentEnd(input: Uint8Array, start: number, lf: number): number {
    let end = lf;
    if (end > start && input[end - 1] === CR) end -= 1;
    if (!this.#strict) { while (end > start && input[end - 1] === CR) end -= 1; }
    return end;
  }

  #piece(input: Uint8Array, start: number, end: number, out: ByteBuffer): void {
    const skip = this.#dots && !this.#continued && input[start] === DOT ? 1 : 0;
    this.#record(CONTINUED, input, start + skip, end, out);
    this.#continued = true;
  }

  #line(input: Uint8Array, start: number, lf: number, out: ByteBuffer): void {
    const bare = lf === 0 || input[lf - 1] !== CR;
    if (bare) this.bareLf = true;
    const clean = !bare || !this.#strict;
    const cleanStart = this.#cleanStart;
    this.#cleanStart = clean;
    const end = this.#contentEnd(input, start, lf);
    let from = start;
    if (this.#dots && !this.#continued && input[start] === DOT && end > start) {
      if (end === start + 1) {
        // A dot alone between line ends of which one is not CR LF: neither the end nor content. Somebody tries to
        // smuggle a second message through; the line is dropped.
        if (cleanStart && clean) this.done = true;
        return;
      }
      from += 1;
    }
    this.#continued = false;
    this.#record(NORMAL, input, from, end, out);
  }

  #record(type: number, input: Uint8Array, start: number, end: number, out: ByteBuffer): void {
    if (this.bareLf && this.#refuseBareLf) return;
    const length = end - start;
    this.size += type === NORMAL ? length + 2 : length;
    if (this.#first) {
      // What a mailbox put before a message would end its headers: it becomes one of them.
      if (this.#dots && isMailboxLine(input, start, end)) {
        appendRecordHeader(out, type, MAILBOX_LINE.length + length);
        out.append(MAILBOX_LINE);
        out.append(input.subarray(start, end));
        return;
      }
      this.#first = false;
      // Content that starts with a blank must not become a continuation of the header that is put before it.
      const byte = input[start];
      if (length > 0 && (byte === SPACE || byte === TAB)) appendRecordHeader(out, NORMAL, 0);
    }
    appendRecordHeader(out, type, length);
    out.append(input.subarray(start, end));
  }
}

/** `From `, the first line of a message in a mailbox, possibly quoted by mail programs with `>`. */
function isMailboxLine(input: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && input[at] === GREATER) at += 1;
  return end - at >= FROM.length && FROM.every((byte, index) => input[at + index] === byte);
}
