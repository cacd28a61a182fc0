/** Something that gives up at a point in time. */
export interface Expiring {
  /** Milliseconds of `performance.now()`; Infinity while nothing is waited for. */
  deadline: number;
  /** Called once when the deadline has passed; the timer has set `deadline` to Infinity before. */
  expire(): void;
}

/**
 * One clock for many deadlines. Setting a deadline is an assignment to a number; a single interval looks at all of
 * them a few times a second and runs only while there is something to look at. Deadlines are therefore late by up to
 * `resolution` milliseconds, which is nothing beside SMTP's timeouts, and cost no timer per read.
 */
export class CoarseTimer {
  readonly #watched = new Set<Expiring>();
  #interval: ReturnType<typeof setInterval> | undefined;

  /** @param resolution milliseconds between two looks */
  constructor(readonly resolution = 250) {}

  /** Starts to look after `item`. */
  watch(item: Expiring): void {
    this.#watched.add(item);
    if (this.#interval === undefined) {
      this.#interval = setInterval(() => this.#look(), this.resolution);
    }
  }

  /** Forgets `item`. */
  unwatch(item: Expiring): void {
    this.#watched.delete(item);
    if (this.#watched.size === 0 && this.#interval !== undefined) {
      clearInterval(this.#interval);
      this.#interval = undefined;
    }
  }

  #look(): void {
    const now = performance.now();
    for (const item of this.#watched) {
      if (item.deadline > now) continue;
      item.deadline = Infinity;
      item.expire();
    }
  }
}
