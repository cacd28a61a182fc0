/** Names by `Date.getDay()`. */
export const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** Names by `Date.getMonth()`. */
export const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** `02:03:04` */
export function clockTime(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `Nov  1 02:03:04`. @param pad stands in front of the days 1 to 9 */
export function shortDate(date: Date, pad: " " | "0" = " "): string {
  return `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2, pad)} ${clockTime(date)}`;
}

/** `Sun Nov  1 02:03:04`, as asctime(3) begins; the year stands behind it. */
export function longDate(date: Date): string {
  return `${WEEKDAYS[date.getDay()]} ${shortDate(date)}`;
}
