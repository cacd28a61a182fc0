import { ByteBuffer, decodeText } from "../bytes/mod.ts";
import type { AttributeForm } from "./types.ts";

/** Anything bytes can be written to, such as a `Deno.Conn`. */
export interface ByteSink {
  /** Writes some of `bytes` and says how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/**
 * Builds attribute lists in memory. One writer may hold several lists, so that a whole conversation step leaves in one
 * write; a list may also be left open and be continued by a later one (showq does so).
 */
export class AttributeWriter {
  readonly #buffer = new ByteBuffer(512);
  readonly #separator: number;
  readonly #terminator: number;

  constructor(readonly form: AttributeForm = "nul") {
    this.#separator = form === "nul" ? 0 : 0x3d;
    this.#terminator = form === "nul" ? 0 : 0x0a;
  }

  /** A string. What would break the framing (NUL; a newline in the plain form) is left out of the value. */
  text(name: string, value: string): this {
    this.#pair(name, this.form === "nul" ? value.replaceAll("\0", "") : value.replace(/[\0\n]/g, ""));
    return this;
  }

  /** A string that stands in memory as octets; the `nul` form, without NULs. */
  range(name: string, bytes: Uint8Array, start: number, end: number): this {
    for (let at = start; at < end; at++) {
      if (bytes[at] === 0) return this.text(name, decodeText(bytes.subarray(start, end)));
    }
    this.#buffer.appendAscii(name);
    this.#buffer.appendByte(this.#separator);
    this.#buffer.appendRange(bytes, start, end);
    this.#buffer.appendByte(this.#terminator);
    return this;
  }

  /** A 32-bit `int` as Postfix prints it: without a sign, -1 as 4294967295. */
  integer(name: string, value: number): this {
    this.#pair(name, String(value < 0 ? value + 2 ** 32 : value));
    return this;
  }

  /** A 64-bit `long` (offsets, sizes, times) as Postfix prints it: without a sign, -1 as 2^64-1. */
  long(name: string, value: number): this {
    this.#pair(name, value < 0 ? String(BigInt(value) + 2n ** 64n) : String(value));
    return this;
  }

  /** Binary data, as base64 text. */
  bytes(name: string, value: Uint8Array): this {
    this.#pair(name, value.toBase64());
    return this;
  }

  /** A group of pairs in braces (attr_print's SEND_ATTR_HASH); only the `nul` form has it. */
  group(pairs: Iterable<readonly [string, string]>): this {
    this.#word("{");
    for (const [name, value] of pairs) this.text(name, value);
    this.#word("}");
    return this;
  }

  /** Ends the list. */
  end(): this {
    this.#buffer.appendByte(this.#terminator);
    return this;
  }

  /** How many bytes were written so far. */
  get length(): number {
    return this.#buffer.length;
  }

  /** Bytes written so far; valid until the next change. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#buffer.view();
  }

  /** Forgets what was written. */
  clear(): void {
    this.#buffer.clear();
  }

  /** Sends everything written so far, however many writes that takes, and forgets it. */
  async flush(sink: ByteSink): Promise<void> {
    let bytes: Uint8Array = this.#buffer.toBytes();
    this.clear();
    while (bytes.length > 0) bytes = bytes.subarray(await sink.write(bytes));
  }

  #pair(name: string, value: string): void {
    this.#buffer.appendAscii(name);
    this.#buffer.appendByte(this.#separator);
    this.#buffer.appendText(value);
    this.#buffer.appendByte(this.#terminator);
  }

  #word(word: string): void {
    if (this.form !== "nul") throw new TypeError("The plain attribute form has no groups");
    this.#buffer.appendAscii(word);
    this.#buffer.appendByte(0);
  }
}
