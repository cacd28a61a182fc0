import { printable } from "../bytes/mod.ts";
import type { TextSpan } from "./listing_sink.ts";

const NEWLINE = 0x0a;
const LESS = 0x3c;
const GREATER = 0x3e;

const RECIPIENT = new TextEncoder().encode("recipient=");
const ORIGINAL = new TextEncoder().encode("original_recipient=");
const REASON = new TextEncoder().encode("reason=");

/** What stands for something that an entry does not say, as readers of logs agree on. */
const NO_RECIPIENT = "(recipient address unavailable)";
const NO_REASON = "(description unavailable)";

/** Numbers per entry: start and end of the address, of the original address, of the reason. */
const FIELDS = 6;

/** Where a missing field begins. */
const MISSING = -1;

function begins(bytes: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  if (end - start < word.length) return false;
  for (let at = 0; at < word.length; at++) if (bytes[start + at] !== word[at]) return false;
  return true;
}

function isPrintableAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte < 0x20 || byte > 0x7e) return false;
  }
  return true;
}

/**
 * Finds what a listing shows in a bounce or defer log: recipients and reasons, where they stand. `parseLog` reads the
 * rest, too, for those who need it.
 */
export class LogScanner {
  /** How many entries the log has. */
  count = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #fields: number[] = [];

  /** Looks through a log, which must stay as it is while the entries are asked for. */
  scan(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.count = 0;
    let inEntry = false;
    for (let start = 0; start < bytes.length;) {
      const newline = bytes.indexOf(NEWLINE, start);
      const end = newline < 0 ? bytes.length : newline;
      if (end === start) {
        if (inEntry) this.count += 1;
        inEntry = false;
      } else {
        if (!inEntry) this.#clearEntry();
        inEntry = true;
        this.#line(start, end);
      }
      start = end + 1;
    }
    if (inEntry) this.count += 1;
  }

  clear(): void {
    this.count = 0;
  }

  #clearEntry(): void {
    const base = this.count * FIELDS;
    for (let field = 0; field < FIELDS; field++) this.#fields[base + field] = MISSING;
  }

  #put(field: number, start: number, end: number): void {
    const at = this.count * FIELDS + field;
    this.#fields[at] = start;
    this.#fields[at + 1] = end;
  }

  #line(start: number, end: number): void {
    const bytes = this.#bytes;
    const first = bytes[start]!;
    if (first === LESS) this.#oldLine(start, end);
    else if (first === 0x72 && begins(bytes, start, end, RECIPIENT)) {
      const value = start + RECIPIENT.length;
      // The null address.
      const empty = end - value === 2 && bytes[value] === LESS && bytes[value + 1] === GREATER;
      this.#put(0, value, empty ? value : end);
    } else if (first === 0x72 && begins(bytes, start, end, REASON)) this.#put(4, start + REASON.length, end);
    else if (first === 0x6f && begins(bytes, start, end, ORIGINAL)) {
      this.#put(2, start + ORIGINAL.length, end);
    }
  }

  /** The line `<address>: reason` of the old form. */
  #oldLine(start: number, end: number): void {
    const bytes = this.#bytes;
    const close = bytes.indexOf(GREATER, start);
    if (close < 0 || close >= end) return;
    this.#put(0, start + 1, close);
    const reason = close + 3;
    if (reason < end && bytes[close + 1] === 0x3a && bytes[close + 2] === 0x20) this.#put(4, reason, end);
  }

  /** The address of an entry in listed form. */
  address(entry: number, emptyAddress: string, into: TextSpan): void {
    const at = entry * FIELDS;
    const start = this.#fields[at]!;
    if (start === MISSING) into.setText(NO_RECIPIENT);
    else this.#address(start, this.#fields[at + 1]!, emptyAddress, into);
  }

  /** The address before it was rewritten; the address itself if the entry has no other. */
  original(entry: number, emptyAddress: string, into: TextSpan): void {
    const at = entry * FIELDS + 2;
    const start = this.#fields[at]!;
    const end = this.#fields[at + 1]!;
    if (start === MISSING || start === end) this.address(entry, emptyAddress, into);
    else this.#address(start, end, emptyAddress, into);
  }

  #address(start: number, end: number, emptyAddress: string, into: TextSpan): void {
    if (start === end) {
      into.setText(printable(emptyAddress));
      return;
    }
    into.set(this.#bytes, start, end);
    if (!isPrintableAscii(this.#bytes, start, end)) into.setText(printable(into.text()));
  }

  reason(entry: number, into: TextSpan): void {
    const at = entry * FIELDS + 4;
    const start = this.#fields[at]!;
    if (start === MISSING) into.setText(NO_REASON);
    else into.set(this.#bytes, start, this.#fields[at + 1]!);
  }
}
