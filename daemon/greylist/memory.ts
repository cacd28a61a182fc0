import type { Journal } from "../../core/journal/mod.ts";

/** Two times or a count and a time, as `first,last`. */
type Pair = readonly [number, number];

/** What the greylist remembers: triplets of network, sender and recipient, and clients that proved themselves. */
export class GreylistMemory {
  constructor(private readonly journal: Pick<Journal, "get" | "set" | "delete" | "entries">) {}

  /** When a triplet was first and last seen, in seconds since the epoch. */
  triplet(key: string): Pair | undefined {
    return parsePair(this.journal.get(`t ${key}`));
  }

  setTriplet(key: string, first: number, last: number): void {
    this.journal.set(`t ${key}`, `${first},${last}`);
  }

  /** How often a client came back after the delay, and when that was counted last. */
  client(network: string): Pair | undefined {
    return parsePair(this.journal.get(`c ${network}`));
  }

  setClient(network: string, count: number, last: number): void {
    this.journal.set(`c ${network}`, `${count},${last}`);
  }

  /** Forgets what was not seen for `maxAge`, and triplets that did not come back within `retryWindow`; seconds. */
  clean(
    now: number,
    limits: { readonly delay: number; readonly maxAge: number; readonly retryWindow: number },
  ): { retained: number; dropped: number } {
    let retained = 0;
    let dropped = 0;
    for (const [key, text] of this.journal.entries()) {
      const pair = parsePair(text);
      const age = pair === undefined ? Infinity : now - pair[1];
      const unproven = key.startsWith("t ") && pair !== undefined && pair[1] - pair[0] < limits.delay;
      if (age > limits.maxAge || (unproven && age > limits.retryWindow)) {
        this.journal.delete(key);
        dropped += 1;
      } else {
        retained += 1;
      }
    }
    return { retained, dropped };
  }
}

function parsePair(text: string | undefined): Pair | undefined {
  const match = text === undefined ? null : /^(\d{1,15}),(\d{1,15})$/.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}
