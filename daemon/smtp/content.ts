import { RecordType } from "../../core/queue/types.ts";
import type { ContentReader } from "../../core/queue/types.ts";
import type { ByteBuffer } from "../../core/bytes/mod.ts";

const DOT = 46;
const CR = 13;
const LF = 10;
const SPACE = 32;

/** Below this many octets a copy loop is faster than a bulk copy. */
const SHORT = 48;

/**
 * Writes message content as it goes over the wire: CR LF line ends, a dot doubled at the start of a line
 * (RFC 5321 section 4.5.2), lines longer than `smtp_line_length_limit` cut and continued with a space.
 */
export class WireContent {
  /** Octets that fit in the current output line. */
  #room: number;
  readonly #limit: number;
  #atLineStart = true;
  /** Some line was longer than the limit. */
  wasCut = false;

  /** @param lineLengthLimit 0 for none */
  constructor(readonly out: ByteBuffer, lineLengthLimit: number) {
    this.#limit = lineLengthLimit > 0 ? lineLengthLimit : Infinity;
    this.#room = this.#limit;
  }

  /** Appends a piece of a line. */
  piece(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      // A line is cut only when more follows.
      if (this.#room === 0) this.#cut();
      if (this.#atLineStart && bytes[at] === DOT) this.out.appendByte(DOT);
      const count = Math.min(end - at, this.#room);
      this.#copy(bytes, at, count);
      this.#atLineStart = false;
      this.#room -= count;
      at += count;
    }
  }

  /** Ends the line. */
  endLine(): void {
    const out = this.out;
    out.appendByte(CR);
    out.appendByte(LF);
    this.#room = this.#limit;
    this.#atLineStart = true;
  }

  /** Ends a last line that has no end. */
  finish(): void {
    if (!this.#atLineStart) this.endLine();
  }

  #cut(): void {
    this.wasCut = true;
    this.endLine();
    this.out.appendByte(SPACE);
    this.#room = this.#limit - 1;
    this.#atLineStart = false;
  }

  #copy(bytes: Uint8Array, start: number, count: number): void {
    const to = this.out.reserve(count);
    const into = this.out.view();
    if (count > SHORT) {
      into.set(bytes.subarray(start, start + count), to);
      return;
    }
    for (let i = 0; i < count; i++) into[to + i] = bytes[start + i]!;
  }
}

/**
 * Moves records from `reader` to `wire` until about `most` octets wait in its output. False when the content is
 * through. Throws `QueueFileError`.
 */
export function fillWire(reader: ContentReader, wire: WireContent, most: number): boolean {
  const out = wire.out;
  while (out.length < most) {
    if (!reader.next()) {
      wire.finish();
      return false;
    }
    wire.piece(reader.bytes, reader.start, reader.end);
    if (reader.type === RecordType.Normal) wire.endLine();
  }
  return true;
}
