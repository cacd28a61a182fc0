import assert from "node:assert/strict";
import type { Table } from "../types.ts";
import { outcome } from "./testing.ts";

/** What the tests of mysql and pgsql tables have in common: the rows of their table, and what is asked. */

/** `address`, `goto`, `extra`, `active`. */
const ROWS: readonly (readonly [string, string, string | null, number])[] = [
  ["plain@example.com", "target@example.net", null, 1],
  ["two@example.com", "one@example.net", "other@example.net", 1],
  ["two@example.com", "three@example.net", "", 1],
  ["o'brien@example.com", "quote", null, 1],
  ["back\\slash@example.com", "slash", null, 1],
  ["per%cent@example.com", "percent", null, 1],
  ["star*@example.com", "star", null, 1],
  ['"quoted user"@example.com', "dquote", null, 1],
  ["jörg@example.com", "ümlaut@bücher.example", null, 1],
  ["unqualified", "bare", null, 1],
  ["empty@example.com", "", null, 1],
  ["a@b@example.com", "at", null, 1],
  ["number@example.com", "42", null, 7],
];

/**
 * The statement that fills the table `aliases`.
 * @param backslash how the server writes a backslash in a string
 */
export function insertRows(backslash: "\\" | "\\\\"): string {
  const literal = (value: string | number | null) =>
    typeof value === "string"
      ? `'${value.replaceAll("'", "''").replaceAll("\\", () => backslash)}'`
      : String(value ?? "NULL");
  return `INSERT INTO aliases VALUES ${ROWS.map((row) => `(${row.map(literal).join(",")})`).join(",")};\n`;
}

/** Keys of all kinds, those among them that are to break out of a query. */
export const SQL_KEYS: readonly string[] = [
  "plain@example.com",
  "two@example.com",
  "o'brien@example.com",
  "back\\slash@example.com",
  "per%cent@example.com",
  "star*@example.com",
  '"quoted user"@example.com',
  "jörg@example.com",
  "unqualified",
  "empty@example.com",
  "a@b@example.com",
  "number@example.com",
  "PLAIN@EXAMPLE.COM",
  "@example.com",
  "plain@",
  "example.com",
  "' OR '1'='1",
  "\\' OR 1=1 -- ",
  "none@example.com",
  "%s@example.com",
  "$1@example.com",
  "x@deep.sub.example.com",
];

/** Waits until a table whose server came back answers again. */
export async function recovered(table: Table): Promise<void> {
  for (let round = 0; round < 200; round++) {
    if (await outcome(table, "plain@example.com") === "target@example.net") return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail("the table did not recover");
}

/** Many lookups at once are all answered. */
export async function askManyAtOnce(table: Table): Promise<void> {
  const answers = await Promise.all(Array.from({ length: 200 }, () => table.lookup("plain@example.com")));
  assert.ok(answers.every((answer) => answer === "target@example.net"));
}
