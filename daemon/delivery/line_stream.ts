import type { ByteSink, ByteSource } from "../../core/ipc/mod.ts";

/** A line longer than this was not written by this program. */
const LONGEST_LINE = 64 << 20;
const CHUNK = 65536;

/** Calls `onLine` for each line of a connection until it ends. Throws `RangeError` for a line that never ends. */
export async function readLines(connection: ByteSource, onLine: (line: string) => void): Promise<void> {
  const room = new Uint8Array(CHUNK);
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const count = await connection.read(room);
    if (count === null) return;
    const text = rest + decoder.decode(room.subarray(0, count), { stream: true });
    let at = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", at)) {
      onLine(text.slice(at, end));
      at = end + 1;
    }
    rest = text.slice(at);
    if (rest.length > LONGEST_LINE) throw new RangeError(`A line of more than ${LONGEST_LINE} characters`);
  }
}

/** Writes lines to a connection; those of the same turn of the event loop, or of one that waits, leave in one write. */
export class LineWriter {
  readonly #encoder = new TextEncoder();
  #pending = "";
  #next: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  /** @param beforeWrite called before each write: what the lines are about is on record then */
  constructor(private readonly connection: ByteSink, private readonly beforeWrite: () => void) {}

  /** Resolves when the line has left; rejects when the connection takes no more. */
  write(line: string): Promise<void> {
    this.#pending += line + "\n";
    if (this.#next === undefined) {
      const next = this.#last.then(() => this.#send());
      this.#next = next;
      this.#last = next;
    }
    return this.#next;
  }

  async #send(): Promise<void> {
    this.#next = undefined;
    this.beforeWrite();
    let bytes: Uint8Array = this.#encoder.encode(this.#pending);
    this.#pending = "";
    while (bytes.length > 0) bytes = bytes.subarray(await this.connection.write(bytes));
  }
}
