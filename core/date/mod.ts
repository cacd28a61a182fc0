/** Dates in the words of the C library, in local time. What stands in mail headers is made by core/message. */
export { clockTime, longDate, MONTHS, shortDate, WEEKDAYS } from "./words.ts";
