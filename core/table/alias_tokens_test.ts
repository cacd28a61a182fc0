import assert from "node:assert/strict";
import { aliasText, aliasTokens } from "./alias_tokens.ts";

/** Values of aliases, and what Postfix's postalias stores for them. */
const VALUES: readonly (readonly [string, string])[] = [
  ["one,two  three", "one, two three"],
  ["b\f, c", '"b\f", c'],
  ["x\x1b.y, z\x7f", '"x\x1b".y, "z\x7f"'],
  ['"x\r\ty\r"', '"x  y "'],
  ['a)b, c]d, e)"q r", )x ]y', 'a)b, c]d, e)"q r", )x]y'],
  ["[ key\\", "[ key]"],
  ['"q\\', '"q"'],
  ["\v", '"\v"'],
  ["a\x01b@c", '"a\x01b"@c'],
  ["(c (d) e) f", "(c (d) e) f"],
  ['"a\tb" [a\tb]', '"a b" [a b]'],
  ["\\\f", '"\f"'],
  ["a\\ b c\\.d", '"a b" "c.d"'],
];

Deno.test("aliases: values are stored as by postalias", () => {
  for (const [value, stored] of VALUES) assert.equal(aliasText(aliasTokens(value), true), stored);
});
