import type { Clock } from "./types.ts";

/** The computer's clock. */
export const systemClock: Clock = {
  now: () => Date.now() / 1000,
  after(seconds, action) {
    // setTimeout counts milliseconds in 31 bits.
    const timer = setTimeout(action, Math.min(seconds * 1000, 2 ** 31 - 1));
    Deno.unrefTimer(timer);
    return { cancel: () => clearTimeout(timer) };
  },
  yield: () => new Promise((resolve) => setTimeout(resolve, 0)),
};
