import { printable } from "../bytes/mod.ts";
import { shortDate } from "../date/mod.ts";
import type { LogEntry } from "./types.ts";

let stampSecond = -1;
let stamp = "";

/** `Nov 01 02:03:04` in local time, as postlogd(8) writes it; remembered for the rest of the second. */
function timestamp(time: number): string {
  const second = Math.floor(time / 1000);
  if (second !== stampSecond) {
    stamp = shortDate(new Date(second * 1000), "0");
    stampSecond = second;
  }
  return stamp;
}

/** `text` behind its label, without what would let a client forge a line. */
export function labelled(entry: LogEntry): string {
  return (entry.level === "info" ? "" : `${entry.level}: `) + printable(entry.text);
}

/** `Nov 01 02:03:04 host postfix/smtpd[123]: text`; `host` is the first label of myhostname. */
export function formatClassic(entry: LogEntry, host: string): string {
  return `${timestamp(entry.time)} ${host} ${entry.tag}[${entry.pid}]: ${labelled(entry)}`;
}

/** Names in JSON are written in one way, whatever way the code has them: `queue_id`. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replaceAll("-", "_");
}

/** One JSON object with the same text, the event's name and its fields. */
export function formatJson(entry: LogEntry, host: string): string {
  return JSON.stringify({
    time: new Date(entry.time).toISOString(),
    host,
    program: entry.tag,
    pid: entry.pid,
    level: entry.level,
    ...(entry.event === undefined ? {} : { event: snakeCase(entry.event) }),
    ...Object.fromEntries(
      Object.entries(entry.fields ?? {}).map(([name, value]) => [snakeCase(name), value]),
    ),
    text: entry.text,
  });
}
