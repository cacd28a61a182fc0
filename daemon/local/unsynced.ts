/** Deliveries that wait for the disk at a time: each keeps a file open. */
const MOST = 100;

/**
 * Deliveries of one recipient's expansion whose text is written, and that wait for the disk. The members of a list come
 * one after the other, since they share the reader of the message; but the disk takes many files with one effort, and for
 * it nobody needs to wait alone.
 */
export class Unsynced {
  readonly #underWay = new Set<Promise<void>>();
  #finished = true;
  readonly #errors: unknown[] = [];

  /**
   * Runs a delivery and resolves when it has called `written`, or is over; false if it must be tried again, as far as
   * that is known.
   */
  async begin(deliver: (written: () => void) => Promise<boolean>): Promise<boolean> {
    while (this.#underWay.size >= MOST) await Promise.race(this.#underWay);
    const { promise: written, resolve } = Promise.withResolvers<"written">();
    const whole = deliver(() => resolve("written"));
    const first = await Promise.race([whole, written]);
    if (first !== "written") return first;
    const over: Promise<void> = whole.then(
      (finished) => {
        this.#finished &&= finished;
      },
      (error) => {
        this.#errors.push(error);
      },
    ).finally(() => this.#underWay.delete(over));
    this.#underWay.add(over);
    return true;
  }

  /** Waits for all of them; false if one must be tried again. Throws the first error. */
  async end(): Promise<boolean> {
    await Promise.all(this.#underWay);
    if (this.#errors.length > 0) throw this.#errors[0];
    return this.#finished;
  }
}
