/**
 * How many deliveries to one destination may run at a time: a window that opens with success and closes with
 * failure (Postfix's SCHEDULER_README), and a count of failed cohorts that ends in "dead".
 */

/** What one outcome is worth: an amount, or an amount divided by the window (or its root) at the time. */
export interface Feedback {
  readonly amount: number;
  readonly by: "nothing" | "window" | "root";
}

/** The settings that the window follows. */
export interface WindowSettings {
  readonly concurrencyLimit: number;
  readonly initialConcurrency: number;
  readonly failedCohortLimit: number;
  readonly positiveFeedback: Feedback;
  readonly negativeFeedback: Feedback;
}

function worth(feedback: Feedback, window: number): number {
  switch (feedback.by) {
    case "window":
      return feedback.amount / window;
    case "root":
      return feedback.amount / Math.sqrt(window);
    default:
      return feedback.amount;
  }
}

/** Feedback that depends on the window adds up to one whole step per window's worth of outcomes. */
const STEP = 1;
/** Five fifths are a little less than one in binary. */
const ROUNDING = 1e-9;

/** The window of one destination. */
export class ConcurrencyWindow {
  /** Deliveries allowed at a time; 0: dead. */
  size: number;
  #success = 0;
  #failure = 0;
  #failedCohorts = 0;

  constructor(private settings: WindowSettings) {
    this.size = this.#initial();
  }

  get dead(): boolean {
    return this.size === 0;
  }

  /** Follows other settings from now on. */
  configure(settings: WindowSettings): void {
    this.settings = settings;
    if (settings.concurrencyLimit > 0 && this.size > settings.concurrencyLimit) {
      this.size = settings.concurrencyLimit;
    }
  }

  /** Forgets everything: nothing is known of a destination that has been idle. */
  reset(): void {
    this.size = this.#initial();
    this.#success = 0;
    this.#failure = 0;
    this.#failedCohorts = 0;
  }

  /** A delivery went well. @param busy deliveries under way, this one included */
  succeeded(busy: number): void {
    if (this.dead) {
      this.revive(busy);
      return;
    }
    this.#failedCohorts = 0;
    const { concurrencyLimit, positiveFeedback } = this.settings;
    const limited = concurrencyLimit > 0 && this.size >= concurrencyLimit;
    // A window that nobody makes use of does not grow.
    if (limited || this.size >= busy + this.settings.initialConcurrency) return;
    this.#success += worth(positiveFeedback, this.size);
    while (this.#success >= STEP - ROUNDING) {
      this.size += STEP;
      this.#success -= STEP;
      this.#failure = 0;
    }
    if (concurrencyLimit > 0 && this.size > concurrencyLimit) this.size = concurrencyLimit;
  }

  /** The destination had trouble. Returns true if that was one time too many and it is dead now. */
  failed(): boolean {
    if (this.dead) return false;
    const { failedCohortLimit, negativeFeedback } = this.settings;
    this.#failedCohorts += 1 / this.size;
    if (failedCohortLimit > 0 && this.#failedCohorts >= failedCohortLimit - ROUNDING) {
      this.size = 0;
      return true;
    }
    // Counted the other way round: the window closes with the first failure of a series, not with the last.
    this.#failure -= worth(negativeFeedback, this.size);
    while (this.#failure < -ROUNDING) {
      this.size -= STEP;
      this.#failure += STEP;
      this.#success = 0;
    }
    if (this.size < 1) this.size = 1;
    return false;
  }

  /** Back from the dead. @param busy deliveries under way: so many it evidently bears */
  revive(busy = 0): void {
    this.reset();
    if (busy > 0) this.size = busy;
  }

  #initial(): number {
    const { initialConcurrency, concurrencyLimit } = this.settings;
    return Math.max(
      1,
      concurrencyLimit > 0 ? Math.min(initialConcurrency, concurrencyLimit) : initialConcurrency,
    );
  }
}
