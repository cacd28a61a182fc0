import { printable } from "../../core/bytes/mod.ts";
import type { Group } from "../../core/queue/mod.ts";
import type { LogCounts } from "./log_tail.ts";

/** What the live view shows. */
export interface WatchState {
  /** Seconds. */
  readonly now: number;
  readonly host: string;
  /** Messages in each queue, in the order in which they are shown; undefined if they can't be counted. */
  readonly queues: readonly (readonly [string, number | undefined])[];
  /** Counts of the latest times, and how many seconds each took. */
  readonly rates: readonly { readonly counts: LogCounts; readonly seconds: number }[];
  readonly top: readonly Group[];
  /** When `top` was made, seconds; undefined if it is still being made. */
  readonly topTime?: number;
  readonly logLines: readonly string[];
  readonly problems: readonly string[];
}

const BOLD = "\x1b[1m";
const DIM = "\x1b[2m";
const PLAIN = "\x1b[0m";
const RED = "\x1b[31m";
const YELLOW = "\x1b[33m";

/** Text without styles, cut or filled to a width. */
function fit(text: string, width: number): string {
  const clean = [...printable(text.replaceAll("\t", " "))];
  return clean.length > width
    ? clean.slice(0, Math.max(width - 1, 0)).join("") + "…"
    : clean.join("").padEnd(width);
}

/** Events a second, over the latest looks. */
function rate(state: WatchState, what: keyof LogCounts): string {
  const seconds = state.rates.reduce((sum, look) => sum + look.seconds, 0);
  const events = state.rates.reduce((sum, look) => sum + look.counts[what], 0);
  const value = seconds === 0 ? 0 : events / seconds;
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

function styleOf(line: string): string {
  if (/\b(?:fatal|panic|error): |status=bounced/.test(line)) return RED;
  return /\bwarning: |status=deferred|reject: /.test(line) ? YELLOW : "";
}

/** The screen, one string a line, none wider than `columns`. @param rows at least 1 */
export function renderWatch(state: WatchState, columns: number, rows: number): string[] {
  const clock = new Date(state.now * 1000).toTimeString().slice(0, 8);
  const title = `Queue of ${state.host}`;
  const lines = [
    BOLD + fit(title.padEnd(Math.max(columns - clock.length - 1, 0)) + " " + clock, columns) + PLAIN,
    fit(
      state.queues.map(([name, count]) => `${name} ${count === undefined ? "?" : count.toLocaleString("en")}`)
        .join("   "),
      columns,
    ),
    fit(
      (["received", "sent", "deferred", "bounced", "rejected"] as const)
        .map((what) => `${what} ${rate(state, what)}/s`).join("   "),
      columns,
    ),
    ...state.problems.map((problem) => RED + fit(problem, columns) + PLAIN),
    "",
  ];
  // Two fifths of what is left for the domains, the rest for the log.
  const left = Math.max(rows - lines.length - 3, 0);
  const topRows = Math.min(state.top.length, Math.floor(left * 0.4));
  const age = state.topTime === undefined ? "counting" : `${Math.round(state.now - state.topTime)} s ago`;
  lines.push(BOLD + fit(`Waiting by domain (${age})`, columns) + PLAIN);
  for (const group of state.top.slice(0, topRows)) {
    lines.push(fit(`${String(group.messages).padStart(9)}  ${group.key}`, columns));
  }
  lines.push("", BOLD + fit("Log", columns) + PLAIN);
  const room = Math.max(rows - lines.length - 1, 0);
  for (const line of room === 0 ? [] : state.logLines.slice(-room)) {
    const style = styleOf(line);
    lines.push(style === "" ? fit(line, columns) : style + fit(line, columns) + PLAIN);
  }
  while (lines.length < rows - 1) lines.push("");
  return [...lines.slice(0, Math.max(rows - 1, 0)), DIM + fit("q quit", columns) + PLAIN].slice(0, rows);
}
