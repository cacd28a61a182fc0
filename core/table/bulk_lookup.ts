import { encodeText } from "../bytes/mod.ts";
import type { GroupLookup, Place } from "./index_reader.ts";
import type { IndexedTable } from "./indexed_table.ts";
import { KeyGroup, type ViewedBytes } from "./key_group.ts";
import type { MaybePromise } from "./types.ts";

const NEWLINE = 0x0a;
const HIGHEST_BITS = 0x80808080;
/** Room for what stands between key and value and behind them. */
const SLACK = 16;

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
  readonly #group = new KeyGroup();
  #key = new Uint8Array(1024);
  #output = new Uint8Array(1 << 18);
  #outputView = new DataView(this.#output.buffer);
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
    const viewed = { bytes: input, view: new DataView(input.buffer, input.byteOffset, input.byteLength) };
    return this.table.batch(() => this.#answerNow(viewed, from, end));
  }

  #answerNow(input: ViewedBytes, from: number, end: number): BulkProgress {
    // The batch may be started over.
    this.#written = 0;
    let position = from;
    while (position < end) {
      const together = this.form.json ? undefined : this.table.group;
      let next = position;
      if (together !== undefined) next = this.#answerGroup(together, input, position, end);
      // What stopped the group may be a capital letter.
      if (next === position) next = this.#answerLine(input.bytes, position);
      if (next === position) break;
      position = next;
    }
    return { position, found: this.#written > 0 };
  }

  /** Answers several lines. Where the first begins that could not be answered in this way. */
  #answerGroup(lookup: GroupLookup, input: ViewedBytes, from: number, end: number): number {
    lookup.locate(this.#group, input, from, end, this.foldCase);
    return this.#group.starts[this.#putPlain(input, lookup.file)]!;
  }

  /** Answers one line. Where the next one begins; `start` if this one is not plain. */
  #answerLine(input: Uint8Array, start: number): number {
    const length = this.#takeKey(input, start);
    if (length <= 0) return start;
    if (this.table.locateKey(this.#key, length, this.#place) && !this.#put(input, start, length)) {
      return start;
    }
    return start + length + 1;
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

  /** Makes room for so many more bytes of output. */
  #reserve(more: number): void {
    const grown = new Uint8Array(Math.max(this.#written + more, this.#output.length * 2));
    grown.set(this.output);
    this.#output = grown;
    this.#outputView = new DataView(grown.buffer);
  }

  /**
   * Appends the answers of the group, four bytes at a time. How many lines are done: the next one's key is not the stored one,
   * or its value is empty or not plain.
   */
  #putPlain(
    { bytes: keys, view: keysView }: ViewedBytes,
    { bytes: values, view: valuesView }: ViewedBytes,
  ): number {
    const { starts, count, valueAt, valueLength } = this.#group;
    const between = this.#between;
    let output = this.#output;
    let view = this.#outputView;
    let index = 0;
    for (; index < count; index++) {
      let from = valueAt[index]!;
      if (from === 0) continue;
      let end = from + valueLength[index]!;
      // A NUL at the end does not belong to the value.
      if (end > from && values[end - 1] === 0) end -= 1;
      if (end === from) break;
      let keyAt = starts[index]!;
      const keyEnd = starts[index + 1]! - 1;
      let at = this.#written;
      const most = keyEnd - keyAt + end - from + SLACK;
      if (at + most > output.length) {
        this.#reserve(most);
        output = this.#output;
        view = this.#outputView;
      }
      let storedAt = from - (keyEnd - keyAt);
      let different = 0;
      for (; keyAt + 4 <= keyEnd; keyAt += 4, storedAt += 4, at += 4) {
        const four = keysView.getInt32(keyAt, true);
        different |= four ^ valuesView.getInt32(storedAt, true);
        view.setInt32(at, four, true);
      }
      while (keyAt < keyEnd) {
        const byte = keys[keyAt++]!;
        different |= byte ^ values[storedAt++]!;
        output[at++] = byte;
      }
      if (different !== 0) break;
      for (let next = 0; next < between.length; next++) output[at++] = between[next]!;
      // Its highest bits show whether a byte is NUL or not ASCII.
      let doubtful = 0;
      for (; from + 4 <= end; from += 4, at += 4) {
        const four = valuesView.getInt32(from, true);
        doubtful |= four | (((four - 0x01010101) | 0) & ~four);
        view.setInt32(at, four, true);
      }
      while (from < end) {
        const byte = values[from++]!;
        doubtful |= byte | (byte - 1);
        output[at++] = byte;
      }
      if ((doubtful & HIGHEST_BITS) !== 0) break;
      output[at++] = NEWLINE;
      this.#written = at;
    }
    return index;
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
    if (at + most > this.#output.length) this.#reserve(most);
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
