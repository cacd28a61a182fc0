import type { DeliveryTimes } from "./types.ts";

const SECOND = 1_000_000;

/**
 * A time span as delivery log lines print it: two significant digits below 100 seconds, nothing finer than
 * `resolution` digits behind the point (`delay_logging_resolution_limit`), no trailing zeros; a negative span is 0.
 * @param seconds with fraction
 */
export function formatDelay(seconds: number, resolution: number): string {
  if (!(seconds > 0)) return "0";
  const micros = Math.round(seconds * SECOND);
  let step = SECOND / 10 ** resolution;
  if (step < SECOND) {
    if (micros >= 10 * SECOND) step = SECOND;
    else if (micros >= SECOND) step = SECOND / 10;
    else while (micros >= 100 * step) step *= 10;
  }
  const rounded = Math.floor((micros + step / 2) / step) * step;
  const whole = Math.floor(rounded / SECOND);
  const fraction = rounded - whole * SECOND;
  if (fraction === 0) return String(whole);
  return `${whole}.${String(fraction).padStart(6, "0").replace(/0+$/, "")}`;
}

/** The four parts and the sum of a delivery's delay, in seconds. */
export interface Delays {
  readonly total: number;
  /** Before the queue manager, in the queue manager, connection set-up, transmission. */
  readonly parts: readonly [number, number, number, number];
}

/**
 * Splits the time a delivery took. A stage that was never entered is 0, and the last one entered runs to the end.
 * @param now seconds, for a delivery that has no `delivered` time
 */
export function splitDelays(times: DeliveryTimes, now: number): Delays {
  const end = times.delivered > 0 ? times.delivered : now;
  const span = (from: number, to: number) => to > from ? to - from : 0;
  const total = span(times.incoming, end);
  if (times.active <= 0) return { total, parts: [total, 0, 0, 0] };
  const before = span(times.incoming, times.active);
  if (times.agent <= 0) return { total, parts: [before, span(times.active, end), 0, 0] };
  const waiting = span(times.active, times.agent);
  if (times.connected <= 0) return { total, parts: [before, waiting, 0, span(times.agent, end)] };
  return {
    total,
    parts: [before, waiting, span(times.agent, times.connected), span(times.connected, end)],
  };
}

/** `delay=1.2, delays=0.1/0/1/0.1` */
export function formatDelays(delays: Delays, resolution: number): string {
  const [before, waiting, connecting, sending] = delays.parts;
  return `delay=${formatDelay(delays.total, resolution)}, delays=${formatDelay(before, resolution)}/${
    formatDelay(waiting, resolution)
  }/${formatDelay(connecting, resolution)}/${formatDelay(sending, resolution)}`;
}
