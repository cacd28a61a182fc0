import { printable } from "../bytes/mod.ts";
import type { LogEntry } from "./types.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

let stampSecond = -1;
let stamp = "";

/** `Nov 01 02:03:04` in local time, as postlogd(8) writes it; remembered for the rest of the second. */
function timestamp(time: number): string {
  const second = Math.floor(time / 1000);
  if (second !== stampSecond) {
    const date = new Date(second * 1000);
    const two = (value: number) => String(value).padStart(2, "0");
    stamp = `${MONTHS[date.getMonth()]} ${two(date.getDate())} ${two(date.getHours())}:${
      two(date.getMinutes())
    }:${two(date.getSeconds())}`;
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
