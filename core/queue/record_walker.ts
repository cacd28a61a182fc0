import type { ByteSource } from "./byte_source.ts";
import { QueueFileError, RecordType } from "./types.ts";

/** More jumps backwards than this and the file is a loop. */
const MAX_BACKWARD_JUMPS = 10000;

/** Bytes asked for at once: the head of an ordinary queue file, or a good piece of content. */
const AHEAD = 4096;

const NO_BYTES = new Uint8Array(0);

/**
 * Walks over the records of a queue file from any source, follows pointer records, and allocates nothing per record:
 * after `next()` returned true, the record's data is `bytes[start .. end)`.
 */
export class RecordWalker {
  type = 0;
  bytes: Uint8Array = NO_BYTES;
  start = 0;
  end = 0;
  /** File offset of the type byte of the current record. */
  offset = 0;
  #base = 0;
  #backwardJumps = 0;

  /**
   * @param file what to call the file in errors
   * @param offset where to start
   */
  constructor(readonly source: ByteSource, readonly file: string, offset = 0) {
    this.seek(offset);
  }

  /** File offset of the next record. */
  get position(): number {
    return this.#base + this.end;
  }

  /** Continues at another file offset. */
  seek(offset: number): void {
    const index = offset - this.#base;
    if (index >= 0 && index <= this.bytes.length) {
      this.end = index;
    } else {
      this.#base = offset;
      this.bytes = NO_BYTES;
      this.end = 0;
    }
  }

  /**
   * Goes to the next record, jumping where a pointer says so. False at the end of the file.
   * @throws QueueFileError `corrupt` for a record that is cut off, a bad length, a bad pointer
   */
  next(): boolean {
    while (this.#step()) {
      if (this.type !== RecordType.Pointer) return true;
      this.#jump();
    }
    return false;
  }

  /** Like `next`, but hands out pointer records instead of following them. */
  nextRaw(): boolean {
    return this.#step();
  }

  /** Where the current pointer record points; 0 for "go on". */
  pointer(): number {
    const text = String.fromCharCode(...this.bytes.subarray(this.start, Math.min(this.end, this.start + 20)));
    if (!/^ *\d{1,15} *$/.test(text)) throw this.#corrupt(`bad pointer record "${text}"`);
    return Number(text);
  }

  #jump(): void {
    const target = this.pointer();
    if (target === 0) return;
    if (target <= this.offset) {
      this.#backwardJumps += 1;
      if (this.#backwardJumps > MAX_BACKWARD_JUMPS) {
        throw this.#corrupt("too many pointer records that go back");
      }
    }
    this.seek(target);
  }

  #step(): boolean {
    let index = this.end;
    if (index + 2 > this.bytes.length && !this.#fill(AHEAD, 1)) return false;
    index = this.end;
    let length = 0;
    let scale = 1;
    let at = index + 1;
    for (;;) {
      if (at >= this.bytes.length) {
        const read = at - this.end;
        if (!this.#fill(AHEAD, read + 1)) throw this.#cutOff();
        index = this.end;
        at = index + read;
      }
      const byte = this.bytes[at]!;
      at += 1;
      length += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      if (at - index > 5) throw this.#corrupt("length field of more than 5 bytes", this.position);
      scale *= 128;
    }
    const header = at - index;
    if (at + length > this.bytes.length) {
      if (length > 0x7fffffff || !this.#fill(header + length, header + length)) throw this.#cutOff();
      index = this.end;
    }
    this.type = this.bytes[index]!;
    this.offset = this.#base + index;
    this.start = index + header;
    this.end = this.start + length;
    return true;
  }

  /** Asks the source for more from the current position; false if fewer than `needed` bytes are there. */
  #fill(wanted: number, needed: number): boolean {
    const position = this.position;
    const window = this.source.window(position, wanted);
    this.bytes = window.bytes;
    this.#base = window.base;
    this.end = position - window.base;
    return this.end + needed <= this.bytes.length;
  }

  #cutOff(): QueueFileError {
    return this.#corrupt("record is cut off", this.position);
  }

  #corrupt(what: string, offset = this.offset): QueueFileError {
    return new QueueFileError(`${this.file}: ${what} at offset ${offset}`, "corrupt");
  }
}
