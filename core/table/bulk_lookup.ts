import { ByteBuffer } from "../bytes/mod.ts";
import type { Place } from "./index_reader.ts";
import type { IndexedTable } from "./indexed_table.ts";
import type { MaybePromise } from "./types.ts";

const NEWLINE = 0x0a;
/** A larger output buffer is not kept for the next batch. */
const OUTPUT_KEPT = 1 << 24;

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
 */
export class BulkLookup {
  /** The answers of the last call. */
  readonly output: ByteBuffer = new ByteBuffer(1 << 16);
  #key = new Uint8Array(1024);
  readonly #place: Place = { bytes: this.#key, start: 0, end: 0 };

  constructor(
    private readonly table: IndexedTable,
    private readonly foldCase: boolean,
    private readonly form: AnswerForm,
  ) {}

  /**
   * Looks up the lines of `input[from .. end)`, of which the last ends with a newline; `output` has an answer for each that
   * is there. Throws (or rejects with) `TableError`.
   */
  answer(input: Uint8Array, from: number, end: number): MaybePromise<BulkProgress> {
    return this.table.batch(() => this.#answerNow(input, from, end));
  }

  #answerNow(input: Uint8Array, from: number, end: number): BulkProgress {
    const { before, between, after } = this.form;
    const { output } = this;
    const place = this.#place;
    // The batch may be started over.
    output.clear(OUTPUT_KEPT);
    let found = false;
    let position = from;
    while (position < end) {
      const length = this.#takeKey(input, position);
      if (length <= 0) break;
      const next = position + length + 1;
      if (this.table.locateKey(this.#key, length, place)) {
        const valueEnd = this.#valueEnd(place);
        if (valueEnd <= place.start) break;
        found = true;
        output.appendAscii(before);
        output.appendRange(input, position, next - 1);
        output.appendAscii(between);
        output.appendRange(place.bytes, place.start, valueEnd);
        output.appendAscii(after);
      }
      position = next;
    }
    return { position, found };
  }

  /** Copies the line to the key buffer, folded, with a NUL behind it. Its length; -1 if it is not plain. */
  #takeKey(input: Uint8Array, start: number): number {
    let key = this.#key;
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
      key[length] = this.foldCase && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
    }
  }

  /** Where the value ends: at its first NUL; -1 if it is not plain. */
  #valueEnd({ bytes, start, end }: Place): number {
    const { json } = this.form;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === 0) return at;
      if (byte > 0x7f || (json && isEscaped(byte))) return -1;
    }
    return end;
  }
}

function isEscaped(byte: number): boolean {
  return byte < 0x20 || byte === 0x22 || byte === 0x5c;
}
