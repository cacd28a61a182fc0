import { encodeText } from "../bytes/mod.ts";
import type { Place } from "./index_reader.ts";
import type { IndexedTable } from "./indexed_table.ts";
import type { MaybePromise } from "./types.ts";

const NEWLINE = 0x0a;

/** How answers are written. */
export interface AnswerForm {
  readonly before: string;
  readonly between: string;
  readonly after: string;
  /** Keys and values stand in JSON strings. */
  readonly json: boolean;
}

/** How far `answer` got. */
export interface BulkProgress {
  /** Where the next key begins: the end, or a key that needs more than bytes. */
  readonly position: number;
  readonly found: boolean;
}

/**
 * Looks up lines in one indexed file, from bytes to bytes: no text is made of keys and values. Plain ASCII alone is dealt
 * with here; a key or a value that is empty or has other octets in it is left to the general way.
 *
 * A command asks 100,000 keys in less time than it takes to start, so the loops work on bare arrays and are few.
 */
export class BulkLookup {
  readonly #before: Uint8Array;
  readonly #between: Uint8Array;
  readonly #after: Uint8Array;
  #key = new Uint8Array(1024);
  #output = new Uint8Array(1 << 17);
  #written = 0;
  readonly #place: Place = { bytes: this.#key, start: 0, end: 0 };

  constructor(
    private readonly table: IndexedTable,
    private readonly foldCase: boolean,
    private readonly form: AnswerForm,
  ) {
    this.#before = encodeText(form.before);
    this.#between = encodeText(form.between);
    this.#after = encodeText(form.after);
  }

  /** The answers of the last call, valid until the next. */
  get output(): Uint8Array {
    return this.#output.subarray(0, this.#written);
  }

  /**
   * Looks up the lines of `input[from .. end)`, of which the last ends with a newline; `output` has an answer for each that
   * is there. Throws (or rejects with) `TableError`.
   */
  answer(input: Uint8Array, from: number, end: number): MaybePromise<BulkProgress> {
    return this.table.batch(() => this.#answerNow(input, from, end));
  }

  #answerNow(input: Uint8Array, from: number, end: number): BulkProgress {
    const place = this.#place;
    // The batch may be started over.
    this.#written = 0;
    let position = from;
    while (position < end) {
      const length = this.#takeKey(input, position);
      if (length <= 0) break;
      if (this.table.locateKey(this.#key, length, place) && !this.#put(input, position, length)) break;
      position += length + 1;
    }
    return { position, found: this.#written > 0 };
  }

  /** Copies the line to the key buffer, folded, with a NUL behind it. Its length; -1 if it is not plain. */
  #takeKey(input: Uint8Array, start: number): number {
    let key = this.#key;
    const { foldCase } = this;
    const { json } = this.form;
    for (let length = 0;; length++) {
      const byte = input[start + length]!;
      if (byte === NEWLINE) {
        key[length] = 0;
        return length;
      }
      if (byte > 0x7f || byte === 0 || (json && isEscaped(byte))) return -1;
      if (length + 1 === key.length) {
        this.#key = new Uint8Array(key.length * 2);
        this.#key.set(key);
        key = this.#key;
      }
      key[length] = foldCase && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
    }
  }

  /** Appends an answer to the output. False if the value, which ends at its first NUL, is empty or not plain. */
  #put(input: Uint8Array, keyAt: number, keyLength: number): boolean {
    const { bytes, start, end } = this.#place;
    const { json } = this.form;
    const before = this.#before;
    const between = this.#between;
    const after = this.#after;
    let at = this.#written;
    const most = before.length + keyLength + between.length + (end - start) + after.length;
    if (at + most > this.#output.length) {
      const grown = new Uint8Array(Math.max(at + most, this.#output.length * 2));
      grown.set(this.output);
      this.#output = grown;
    }
    const output = this.#output;
    for (let from = 0; from < before.length; from++) output[at++] = before[from]!;
    for (let from = keyAt; from < keyAt + keyLength; from++) output[at++] = input[from]!;
    for (let from = 0; from < between.length; from++) output[at++] = between[from]!;
    const valueAt = at;
    for (let from = start; from < end; from++) {
      const byte = bytes[from]!;
      if (byte === 0) break;
      if (byte > 0x7f || (json && isEscaped(byte))) return false;
      output[at++] = byte;
    }
    if (at === valueAt) return false;
    for (let from = 0; from < after.length; from++) output[at++] = after[from]!;
    this.#written = at;
    return true;
  }
}

function isEscaped(byte: number): boolean {
  return byte < 0x20 || byte === 0x22 || byte === 0x5c;
}
