import assert from "node:assert/strict";
import { clockTime, longDate, shortDate } from "./mod.ts";

Deno.test("dates: the forms of asctime and of syslog", () => {
  const date = new Date(2026, 10, 1, 2, 3, 4);
  assert.equal(clockTime(date), "02:03:04");
  assert.equal(shortDate(date), "Nov  1 02:03:04");
  assert.equal(shortDate(date, "0"), "Nov 01 02:03:04");
  assert.equal(longDate(date), "Sun Nov  1 02:03:04");
  assert.equal(longDate(new Date(2026, 11, 31, 23, 59, 58)), "Thu Dec 31 23:59:58");
});
