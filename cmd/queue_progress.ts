const encoder = new TextEncoder();

/** Milliseconds after which somebody wants to know how far it is, and between two updates. */
const PATIENCE = 700;
const PAUSE = 200;

/** A line on standard error that tells how far long work is; only where that is a terminal. */
export class Progress {
  readonly #active = Deno.stderr.isTerminal();
  #next = performance.now() + PATIENCE;
  #shown = false;

  /** @param what the verb: `looked at 12,000 messages` */
  constructor(private readonly what: string, private readonly total?: number) {}

  show(count: number): void {
    if (!this.#active || performance.now() < this.#next) return;
    this.#next = performance.now() + PAUSE;
    this.#shown = true;
    const of = this.total === undefined ? "" : ` of ${this.total.toLocaleString("en")}`;
    this.#write(`\r${this.what} ${count.toLocaleString("en")}${of} messages\x1b[K`);
  }

  /** Takes the line away, so that other output can stand there. */
  clear(): void {
    if (this.#shown) this.#write("\r\x1b[K");
    this.#shown = false;
  }

  #write(text: string): void {
    Deno.stderr.writeSync(encoder.encode(text));
  }
}
