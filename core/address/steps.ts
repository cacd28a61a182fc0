import type { MaybePromise } from "../table/types.ts";

/** A computation that waits for a promise only where a table really answers later. */
export type Steps<T> = Generator<Promise<unknown>, T, unknown>;

/** `yield* wait(x)` inside a `Steps`: the value at once if it is there, else after the promise. */
export function* wait<T>(value: MaybePromise<T>): Steps<T> {
  return value instanceof Promise ? (yield value) as T : value;
}

/** Runs to the end without leaving the current turn if nothing has to be waited for. */
export function runSteps<T>(steps: Steps<T>): MaybePromise<T> {
  const first = steps.next();
  return first.done ? first.value : finish(steps, first.value);
}

async function finish<T>(steps: Steps<T>, pending: Promise<unknown>): Promise<T> {
  let waiting: Promise<unknown> = pending;
  while (true) {
    let value: unknown;
    try {
      value = await waiting;
    } catch (error) {
      const after = steps.throw(error);
      if (after.done) return after.value;
      waiting = after.value;
      continue;
    }
    const next = steps.next(value);
    if (next.done) return next.value;
    waiting = next.value;
  }
}
