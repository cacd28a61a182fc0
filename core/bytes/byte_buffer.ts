import { encodeText } from "./text.ts";

/**
 * A byte array that grows by doubling. Everything that is assembled piece by piece (queue file records, SMTP
 * replies and commands) is appended here and leaves in one write.
 */
export class ByteBuffer {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** @param capacity initial room in bytes */
  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Number of bytes appended so far. */
  get length(): number {
    return this.#length;
  }

  /** Makes sure that `count` more bytes fit without another growth. */
  ensure(count: number): void {
    const start = this.#length;
    this.reserve(count);
    this.#length = start;
  }

  /** Makes room for `count` more bytes and returns the offset where they start; the caller fills them in. */
  reserve(count: number): number {
    const start = this.#length;
    const needed = start + count;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, start));
      this.#bytes = grown;
    }
    this.#length = needed;
    return start;
  }

  /** The memory behind, for those who fill in what `reserve` or `ensure` made room for; valid until the next of these. */
  get memory(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** Appends one byte. */
  appendByte(byte: number): void {
    const at = this.reserve(1);
    this.#bytes[at] = byte;
  }

  /** Appends a copy of `bytes`. */
  append(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Appends a copy of `bytes[start .. end)`; for short stretches, where a view would cost more than the loop. */
  appendRange(bytes: Uint8Array, start: number, end: number): void {
    const at = this.reserve(end - start) - start;
    for (let from = start; from < end; from++) this.#bytes[at + from] = bytes[from]!;
  }

  /** Appends text that is known to be ASCII, one byte a character. */
  appendAscii(text: string): void {
    const at = this.reserve(text.length);
    for (let i = 0; i < text.length; i++) this.#bytes[at + i] = text.charCodeAt(i);
  }

  /** Appends any text in the form of `encodeText`. */
  appendText(text: string): void {
    const at = this.reserve(text.length);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) {
        this.#length = at;
        this.append(encodeText(text));
        return;
      }
      this.#bytes[at + i] = code;
    }
  }

  /** Overwrites bytes that were appended before, starting at `offset`. */
  overwrite(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > this.#length) {
      throw new RangeError(
        `Cannot overwrite bytes ${offset} to ${offset + bytes.length} of a buffer of ${this.#length}`,
      );
    }
    this.#bytes.set(bytes, offset);
  }

  /** The appended bytes without copying; valid until the next append or clear. */
  view(start = 0, end: number = this.#length): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(start, Math.min(end, this.#length));
  }

  /** A copy of the appended bytes. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  /** Forgets the content and keeps the room, unless the room outgrew `keep` bytes. */
  clear(keep = 65536): void {
    this.#length = 0;
    if (this.#bytes.length > keep) this.#bytes = new Uint8Array(256);
  }
}
