import type { ByteSource } from "./types.ts";

/** What came over a connection and was not taken yet. */
export class InputBuffer {
  readonly #source: ByteSource | undefined;
  #memory: Uint8Array;
  #start = 0;
  #end: number;

  /**
   * @param source a connection, or bytes that are all there is
   * @param capacity bytes that are read at once from a connection; a list or record that is longer makes more room
   */
  constructor(source: ByteSource | Uint8Array, capacity: number) {
    const given = source instanceof Uint8Array;
    this.#source = given ? undefined : source;
    this.#memory = given ? source : new Uint8Array(capacity);
    this.#end = given ? source.length : 0;
  }

  /** How many bytes there are. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** The bytes, valid until the next `fill`. */
  get bytes(): Uint8Array {
    return this.#memory.subarray(this.#start, this.#end);
  }

  /** Takes the first `count` bytes; they are valid until the next `fill`. */
  take(count: number): Uint8Array {
    const taken = this.#memory.subarray(this.#start, this.#start + count);
    this.#start += count;
    return taken;
  }

  /** Reads more; false at the end. Rejects with what the connection rejects with. */
  async fill(): Promise<boolean> {
    if (this.#source === undefined) return false;
    if (this.#start > 0) {
      this.#memory.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    if (this.#end === this.#memory.length) {
      const grown = new Uint8Array(this.#memory.length * 2);
      grown.set(this.#memory);
      this.#memory = grown;
    }
    const count = await this.#source.read(this.#memory.subarray(this.#end));
    if (count === null) return false;
    this.#end += count;
    return true;
  }
}
