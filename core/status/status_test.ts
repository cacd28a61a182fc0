import assert from "node:assert/strict";
import { isStatus, leadingStatus, splitStatus } from "./mod.ts";

/** Each text with the code and the rest that real Postfix finds in it (access tables, error:, header_checks). */
const TEXTS: readonly (readonly [text: string, status: string | undefined, rest: string])[] = [
  ["5.1.2 text", "5.1.2", "text"],
  ["  5.1.2   text", "5.1.2", "text"],
  ["5.1.2", "5.1.2", ""],
  ["5.1.2\ttext\n", "5.1.2", "text\n"],
  ["4.1.2 text", "4.1.2", "text"],
  ["2.1.2 text", "2.1.2", "text"],
  ["5.001.02 text", "5.001.02", "text"],
  ["5.1.2 \u00a0text", "5.1.2", "\u00a0text"],
  ["5.1.2\u00a0text", undefined, "5.1.2\u00a0text"],
  ["5.1.2text", undefined, "5.1.2text"],
  ["5.1234.1 text", undefined, "5.1234.1 text"],
  ["3.1.1 text", undefined, "3.1.1 text"],
  ["5.1 text", undefined, "5.1 text"],
  ["  text 5.1.2", undefined, "text 5.1.2"],
  ["", undefined, ""],
];

Deno.test("status: the code in front of a text is taken off as by Postfix", () => {
  for (const [text, status = "5.7.1", rest] of TEXTS) {
    assert.deepEqual(splitStatus(text, "5.7.1"), { status, text: rest }, JSON.stringify(text));
  }
});

Deno.test("status: blanks in front of the code count where it has to lead", () => {
  for (const [text, status] of TEXTS) {
    assert.equal(leadingStatus(text), text.startsWith(" ") ? undefined : status, JSON.stringify(text));
  }
});

Deno.test("status: a code and nothing else", () => {
  for (const code of ["2.0.0", "4.123.9", "5.1.234"]) assert.ok(isStatus(code), code);
  for (const other of ["", "3.0.0", "5.0", "5.0.0 ", "5.0.0\n", " 5.0.0", "5.1234.0", "5..0"]) {
    assert.ok(!isStatus(other), JSON.stringify(other));
  }
});
