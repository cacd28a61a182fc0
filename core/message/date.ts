/** Dates as Received: and Date: headers carry them (RFC 5322, 3.3), in local time with the zone's name behind. */
import { clockTime, MONTHS, WEEKDAYS } from "../date/mod.ts";
import { zoneName } from "./zone_name.ts";

let lastSecond = NaN;
let lastText = "";

/** `Sat, 21 Nov 2026 02:39:36 +0000 (UTC)` for a time in seconds since the epoch. */
export function mailDate(seconds: number): string {
  const second = Math.floor(seconds);
  if (second !== lastSecond) {
    lastText = format(new Date(second * 1000));
    lastSecond = second;
  }
  return lastText;
}

function format(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const offset = -date.getTimezoneOffset();
  const sign = offset < 0 ? "-" : "+";
  const zone = sign + two(Math.floor(Math.abs(offset) / 60)) + two(Math.abs(offset) % 60);
  return `${WEEKDAYS[date.getDay()]}, ${String(date.getDate()).padStart(2)} ${
    MONTHS[date.getMonth()]
  } ${date.getFullYear()} ${clockTime(date)} ${zone} (${zoneName(date, offset)})`;
}
