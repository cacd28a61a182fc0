/**
 * The live view of the queue: what it reads (queue sizes, listing, log) and how it looks. Drawing is a function of the
 * state, so that it can be tested without a terminal.
 */
export { type LogCounts, LogTail } from "./log_tail.ts";
export { renderWatch, type WatchState } from "./view.ts";
