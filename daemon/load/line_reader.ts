const EMPTY = new Uint8Array(0);
const LF = 10;
const CR = 13;
/** A line without end must not fill the memory. */
const LONGEST_LINE = 100_000;

/** Takes lines and message content out of a connection's bytes. */
export class LineReader {
  #bytes: Uint8Array = EMPTY;
  #start = 0;
  readonly #buffer = new Uint8Array(65536);

  constructor(private readonly connection: { read(into: Uint8Array): Promise<number | null> }) {}

  /** Is a whole line there without waiting? */
  get hasLine(): boolean {
    return this.#bytes.indexOf(LF, this.#start) >= 0;
  }

  async #more(): Promise<boolean> {
    const count = await this.connection.read(this.#buffer);
    if (count === null) return false;
    const rest = this.#bytes.length - this.#start;
    const joined = new Uint8Array(rest + count);
    joined.set(this.#bytes.subarray(this.#start));
    joined.set(this.#buffer.subarray(0, count), rest);
    this.#bytes = joined;
    this.#start = 0;
    return true;
  }

  /** The next line without its end; undefined at the end of the connection. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#bytes.indexOf(LF, this.#start);
      if (end >= 0) {
        const stop = end > this.#start && this.#bytes[end - 1] === CR ? end - 1 : end;
        const text = new TextDecoder("latin1").decode(this.#bytes.subarray(this.#start, stop));
        this.#start = end + 1;
        return text;
      }
      if (this.#bytes.length - this.#start > LONGEST_LINE || !await this.#more()) return undefined;
    }
  }

  /** Skips content up to the line with a single dot; false if the connection ends before that. */
  async skipContent(onPiece?: (bytes: Uint8Array) => void): Promise<boolean> {
    /** How much of CR LF . CR LF was seen; the content begins behind a line end. */
    let seen = 2;
    for (;;) {
      const bytes = this.#bytes;
      for (let at = this.#start; at < bytes.length; at++) {
        const byte = bytes[at]!;
        if (byte === CR) seen = seen === 3 ? 4 : 1;
        else if (byte === LF) {
          // A lone LF counts as a line end too, as many senders write it.
          if (seen === 4 || seen === 3) {
            onPiece?.(bytes.subarray(this.#start, at + 1));
            this.#start = at + 1;
            return true;
          }
          seen = 2;
        } else if (byte === 0x2e && seen === 2) seen = 3;
        else seen = 0;
      }
      onPiece?.(bytes.subarray(this.#start));
      this.#bytes = EMPTY;
      this.#start = 0;
      if (!await this.#more()) return false;
    }
  }

  /** Skips a number of bytes; false if the connection ends before that. */
  async skip(count: number): Promise<boolean> {
    let left = count;
    for (;;) {
      const taken = Math.min(left, this.#bytes.length - this.#start);
      this.#start += taken;
      left -= taken;
      if (left === 0) return true;
      if (!await this.#more()) return false;
    }
  }
}
