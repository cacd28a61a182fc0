import { type ContentReader, RecordType } from "../../core/queue/types.ts";

const DOT = 46;
const CR = 13;
const LF = 10;
const SPACE = 32;

/** A piece is full when it has about this many octets. */
const PIECE = 65536;
/** So much is copied at once where lines follow each other in the file as they will in the output. */
const AHEAD = 4096;
/** Lines up to here have a record header of two octets, as long as the CR LF that takes its place. */
const SHORT_RECORD = 127;

/** Buffers that no message uses at the moment. */
const spare: Uint8Array<ArrayBuffer>[] = [];
const MOST_SPARE = 32;

/**
 * Turns content records into what goes over the wire: CR LF line ends, a dot doubled at the start of a line (RFC 5321
 * section 4.5.2), lines longer than `smtp_line_length_limit` cut and continued with a space.
 *
 * Ordinary lines take a short cut: a stretch of the file is copied in one go, and the record headers between the lines
 * are overwritten with line ends.
 */
export class WireContent {
  /** Some line was longer than the limit. */
  wasCut = false;
  readonly #limit: number;
  #out: Uint8Array<ArrayBuffer>;
  #length = 0;
  /** Octets that fit in the current output line. */
  #room: number;
  #atLineStart = true;
  /** The stretch copied last: up to `#copiedTo` of `#window`, at `#shift` from there in the output. */
  #window: Uint8Array | undefined;
  #copiedTo = 0;
  #shift = 0;

  /** @param lineLengthLimit 0 for none */
  constructor(lineLengthLimit: number) {
    this.#limit = lineLengthLimit > 0 ? lineLengthLimit : Infinity;
    this.#room = this.#limit;
    this.#out = spare.pop() ?? new Uint8Array(PIECE + 2 * AHEAD);
  }

  /** Takes records from `reader` until a piece is full. False when the content is through. Throws `QueueFileError`. */
  fill(reader: ContentReader): boolean {
    while (this.#length < PIECE) {
      if (!reader.next()) {
        if (!this.#atLineStart) this.#endLine();
        return false;
      }
      this.#put(reader);
    }
    return true;
  }

  /** Appends ASCII text behind the content, such as the final dot. */
  append(text: string): void {
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) this.#out[this.#length++] = text.charCodeAt(i);
  }

  /** What is to be sent now; valid until the next call of `fill` or `append`. */
  get piece(): Uint8Array<ArrayBuffer> {
    return this.#out.subarray(0, this.#length);
  }

  /** Begins the next piece: the present one was sent. */
  clear(): void {
    this.#length = 0;
    this.#window = undefined;
  }

  /** Gives the buffer back; the object must not be used any more. */
  release(): void {
    if (this.#out.length === PIECE + 2 * AHEAD && spare.length < MOST_SPARE) spare.push(this.#out);
    this.#out = new Uint8Array(0);
  }

  #put(reader: ContentReader): void {
    const { bytes, start, end } = reader;
    const length = end - start;
    const whole = reader.type === RecordType.Normal;
    if (
      !whole || !this.#atLineStart || length > SHORT_RECORD || length > this.#limit || bytes[start] === DOT
    ) {
      this.#putSlowly(bytes, start, end);
      if (whole) this.#endLine();
      return;
    }
    let at = this.#length;
    if (bytes !== this.#window || start + this.#shift !== at || end > this.#copiedTo) {
      this.#reserve(AHEAD);
      const stop = Math.min(bytes.length, start + AHEAD);
      this.#out.set(bytes.subarray(start, stop), at);
      this.#window = bytes;
      this.#copiedTo = stop;
      this.#shift = at - start;
    }
    at += length;
    this.#out[at] = CR;
    this.#out[at + 1] = LF;
    this.#length = at + 2;
  }

  /** A piece of a line, a long line, or one that begins with a dot. */
  #putSlowly(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      // A line is cut only when more follows.
      if (this.#room === 0) this.#cut();
      const count = Math.min(end - at, this.#room);
      this.#reserve(count + 1);
      if (this.#atLineStart && bytes[at] === DOT) this.#out[this.#length++] = DOT;
      this.#out.set(bytes.subarray(at, at + count), this.#length);
      this.#length += count;
      this.#atLineStart = false;
      this.#room -= count;
      at += count;
    }
  }

  #endLine(): void {
    this.#reserve(2);
    this.#out[this.#length++] = CR;
    this.#out[this.#length++] = LF;
    this.#room = this.#limit;
    this.#atLineStart = true;
  }

  #cut(): void {
    this.wasCut = true;
    this.#endLine();
    this.#reserve(1);
    this.#out[this.#length++] = SPACE;
    this.#room = this.#limit - 1;
    this.#atLineStart = false;
  }

  /** Makes room for `count` octets, and for the line end behind them. */
  #reserve(count: number): void {
    const needed = this.#length + count + 2;
    if (needed <= this.#out.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#out.length * 2));
    grown.set(this.#out.subarray(0, this.#length));
    this.#out = grown;
    this.#window = undefined;
  }
}
