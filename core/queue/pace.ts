/** Milliseconds of work between two rests, and of a rest. */
const WORK = 6;
const REST = 2;
/** The clock is looked at once in so many steps. */
const STEPS = 16;

const never = new Int32Array(new SharedArrayBuffer(4));

/** Makes work on all messages of a long queue rest again and again, so that mail gets to the disk in between. */
export class Pace {
  #steps = 0;
  #started = performance.now();

  /** Called before every message; waits if it is time to. */
  step(): void {
    this.#steps += 1;
    if (this.#steps % STEPS !== 0 || performance.now() - this.#started < WORK) return;
    Atomics.wait(never, 0, 0, REST);
    this.#started = performance.now();
  }
}
