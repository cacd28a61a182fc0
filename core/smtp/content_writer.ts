import type { ByteBuffer } from "../bytes/mod.ts";

const NORMAL = 0x4e;
const CONTINUED = 0x4c;
const DOT = 46;
const SPACE = 32;
const CR = 13;
const LF = 10;

/**
 * Turns framed content records of a queue file (`N` lines and `L` pieces of lines) into what goes over the wire in
 * SMTP: CR LF line ends, a dot doubled at the start of a line (RFC 5321 section 4.5.2), lines longer than the limit
 * cut and continued with a space. Chunks may end anywhere inside a record; body bytes never become strings.
 */
export class ContentWriter {
  /** Unfinished record header from the last chunk. */
  #held: number[] = [];
  #type = 0;
  /** Bytes of the current record that are still to come. */
  #left = 0;
  #inRecord = false;
  /** Bytes that fit in the current output line. */
  #room: number;
  readonly #limit: number;
  /** True after a line end and at the start. */
  #atLineStart = true;
  /** Set when the limit cut the line: the next byte begins a continuation. */
  #cut = false;

  /**
   * @param out takes the wire bytes; the caller sends and clears it between chunks
   * @param lineLengthLimit `smtp_line_length_limit`, 0 for none
   * @param dots false for BDAT, which needs no transparency
   */
  constructor(readonly out: ByteBuffer, lineLengthLimit = 0, readonly dots = true) {
    this.#limit = lineLengthLimit > 0 ? lineLengthLimit : Infinity;
    this.#room = this.#limit;
  }

  /**
   * Converts a chunk. Returns the number of bytes used: all of them, unless a record that is neither `N` nor `L` was met
   * (`X` at the end of the content), at which it stops.
   */
  write(chunk: Uint8Array): number {
    let at = 0;
    while (at < chunk.length) {
      if (!this.#inRecord) {
        const next = this.#readHeader(chunk, at);
        if (next < 0) return at;
        at = next;
        if (!this.#inRecord) break;
      }
      const count = Math.min(this.#left, chunk.length - at);
      if (count > 0) this.#put(chunk, at, at + count);
      at += count;
      this.#left -= count;
      if (this.#left > 0) break;
      this.#inRecord = false;
      if (this.#type === NORMAL) this.#endLine();
    }
    return chunk.length;
  }

  /** Ends an unfinished last line; appends the final dot unless `dots` is off. */
  finish(): void {
    if (!this.#atLineStart && !this.#cut) this.#endLine();
    if (!this.dots) return;
    this.out.appendByte(DOT);
    this.out.appendByte(CR);
    this.out.appendByte(LF);
  }

  /** Reads type and length; -1 at a record of another type, chunk end without `#inRecord` if it is cut. */
  #readHeader(chunk: Uint8Array, start: number): number {
    const held = this.#held;
    let at = start;
    if (held.length === 0) {
      const type = chunk[at]!;
      if (type !== NORMAL && type !== CONTINUED) return -1;
      // The usual case: the whole header is here and the length fits in one or two bytes.
      const first = chunk[at + 1];
      const second = chunk[at + 2];
      if (first !== undefined && first < 0x80) {
        this.#begin(type, first);
        return at + 2;
      }
      if (first !== undefined && second !== undefined && second < 0x80) {
        this.#begin(type, (first & 0x7f) | (second << 7));
        return at + 3;
      }
    }
    while (at < chunk.length) {
      const byte = chunk[at++]!;
      held.push(byte);
      if (held.length === 1 || byte >= 0x80) continue;
      let length = 0;
      for (let i = held.length - 1; i > 0; i--) length = length * 128 + (held[i]! & 0x7f);
      this.#begin(held[0]!, length);
      this.#held = [];
      return at;
    }
    return at;
  }

  #begin(type: number, length: number): void {
    this.#type = type;
    this.#left = length;
    this.#inRecord = true;
  }

  #put(chunk: Uint8Array, start: number, end: number): void {
    const out = this.out;
    let at = start;
    while (at < end) {
      if (this.#cut) {
        out.appendByte(SPACE);
        this.#room -= 1;
        this.#cut = false;
        this.#atLineStart = false;
      }
      if (this.#atLineStart && this.dots && chunk[at] === DOT) out.appendByte(DOT);
      this.#atLineStart = false;
      const count = Math.min(end - at, this.#room);
      const to = out.reserve(count);
      out.overwrite(to, chunk.subarray(at, at + count));
      at += count;
      this.#room -= count;
      if (this.#room > 0) continue;
      this.#endLine();
      this.#cut = true;
    }
  }

  #endLine(): void {
    // A line that the limit cut exactly at its end is ended already.
    if (!this.#cut) {
      const to = this.out.reserve(2);
      const view = this.out.view(to);
      view[0] = CR;
      view[1] = LF;
    }
    this.#cut = false;
    this.#atLineStart = true;
    this.#room = this.#limit;
  }
}
