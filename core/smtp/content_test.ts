import assert from "node:assert/strict";
import { ByteBuffer, decodeText, encodeText } from "../bytes/mod.ts";
import { commandWords, ContentReader } from "./mod.ts";
import { randomNumbers } from "../../testdata/random.ts";

/** Reads `wire` in pieces of `size` bytes; the result is the records as `N:text`, what was left, and the reader. */
function read(
  wire: string,
  options: { strict?: boolean; dots?: boolean; refuse?: boolean; limit?: number; size?: number } = {},
) {
  const reader = new ContentReader({
    lineLimit: options.limit ?? 2048,
    strict: options.strict ?? true,
    refuseBareLf: options.refuse ?? false,
    dots: options.dots ?? true,
  });
  const out = new ByteBuffer();
  const bytes = encodeText(wire);
  const size = options.size ?? bytes.length;
  let rest: Uint8Array = new Uint8Array(0);
  for (let at = 0; at < bytes.length; at += size) {
    const input = Uint8Array.from([...rest, ...bytes.subarray(at, at + size)]);
    rest = reader.done ? input : input.slice(reader.read(input, out));
  }
  if (options.dots === false) reader.finish(rest, out);
  return { records: records(out.view()), rest: decodeText(rest), reader };
}

function records(bytes: Uint8Array): string[] {
  const list: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const type = String.fromCharCode(bytes[at++]!);
    let length = 0;
    for (let shift = 0;; shift += 7) {
      const byte = bytes[at++]!;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    list.push(`${type}:${decodeText(bytes.subarray(at, at + length))}`);
    at += length;
  }
  return list;
}

/** Content, and the records that Postfix 3.7.11 stored with smtpd_forbid_bare_newline = normalize. */
const STORED: readonly (readonly [string, readonly string[], string])[] = [
  ["a\r\n\r\n..b\r\n.\r\nQUIT", ["N:a", "N:", "N:.b"], "QUIT"],
  ["a\nb\n..c\r\nd\n.e\r\n.f\n..g\r\n..h\r\n.\r\n", [
    "N:a",
    "N:b",
    "N:.c",
    "N:d",
    "N:e",
    "N:f",
    "N:.g",
    "N:.h",
  ], ""],
  ["a\n.\r\nb\r\n.\n.c\r\n.\n.\r\nd\r\n.\r\n", ["N:a", "N:b", "N:c", "N:d"], ""],
  ["a\r\n.\r\r\nb\r\r\n.\r\n", ["N:a", "N:\r", "N:b\r"], ""],
  [" x\r\n.\r\n", ["N:", "N: x"], ""],
  ["From a\r\nb: c\r\n\r\nFrom d\r\n.\r\n", ["N:X-Mailbox-Line: From a", "N:b: c", "N:", "N:From d"], ""],
  [">>From a\r\nFrom b\r\n c\r\n.\r\n", [
    "N:X-Mailbox-Line: >>From a",
    "N:X-Mailbox-Line: From b",
    "N:",
    "N: c",
  ], ""],
  ["from a\r\nFrom b\r\n>\r\n.\r\n", ["N:from a", "N:From b", "N:>"], ""],
  ["\0.\r\n.\0\r\n.\r\n", ["N:\0.", "N:\0"], ""],
  [".\r\n", [], ""],
];

Deno.test("ContentReader: records as Postfix stores them, wherever the input is cut", () => {
  for (const [wire, expected, rest] of STORED) {
    for (const size of [1, 2, 3, 5, 1000]) {
      const result = read(wire, { size });
      assert.deepEqual(result.records, expected, `${JSON.stringify(wire)} in pieces of ${size}`);
      assert.equal(result.rest, rest);
      assert.ok(result.reader.done);
    }
  }
});

Deno.test("ContentReader: long lines are cut at the limit, a dot counts before it is dropped", () => {
  const wire = `${"x".repeat(9)}\r\n${"y".repeat(10)}\r\n.${"z".repeat(10)}\r\n${"a".repeat(10)}.\r\n${
    "b".repeat(9)
  }\n.\r\nc\r\n.\r\n`;
  for (const size of [1, 4, 11, 1000]) {
    assert.deepEqual(read(wire, { limit: 10, size }).records, [
      "N:xxxxxxxxx",
      "L:yyyyyyyyyy",
      "N:",
      "L:zzzzzzzzz",
      "N:z",
      "L:aaaaaaaaaa",
      "N:.",
      "N:bbbbbbbbb",
      "N:c",
    ]);
  }
});

Deno.test("ContentReader: lenient, refusing, and without dots", () => {
  assert.deepEqual(read("a\n.\nMAIL", { strict: false }).records, ["N:a"]);
  assert.equal(read("a\n.\nMAIL", { strict: false }).rest, "MAIL");
  assert.deepEqual(read("a\r\r\r\n.\r\n", { strict: false }).records, ["N:a"]);
  const refused = read("S: x\r\n\r\na\nb\r\n.\r\n", { refuse: true });
  assert.deepEqual(refused.records, ["N:S: x", "N:"]);
  assert.equal(refused.reader.size, 8);
  assert.ok(refused.reader.bareLf && refused.reader.done);
  for (const size of [1, 3, 100]) {
    assert.deepEqual(read("S: x\r\n..c\r\n.\r\nlast\r", { dots: false, size }).records, [
      "N:S: x",
      "N:..c",
      "N:.",
      "N:last\r",
    ]);
  }
});

Deno.test("ContentReader: random input gives the same records in one piece and in many (fixed seed)", () => {
  const random = randomNumbers(99);
  const alphabet = ["\r", "\n", "\r\n", ".", "\r\n.", "a", " ", "bcdefgh"];
  for (let round = 0; round < 2000; round++) {
    let wire = "";
    for (let count = random(40); count >= 0; count--) wire += alphabet[random(alphabet.length)];
    for (const strict of [true, false]) {
      const whole = read(wire, { strict, limit: 6 });
      const pieces = read(wire, { strict, limit: 6, size: 1 + random(7) });
      assert.deepEqual(pieces.records, whole.records, JSON.stringify(wire));
      assert.equal(pieces.reader.done, whole.reader.done);
      if (strict && whole.reader.done) assert.match("\r\n" + wire, /\r\n\.\r\n/);
    }
  }
});

Deno.test("ContentReader: stretches of many short lines give the records that a plain reading gives (fixed seed)", () => {
  const random = randomNumbers(7);
  for (let round = 0; round < 60; round++) {
    const lines: string[] = [];
    for (let count = 1 + random(400); count > 0; count--) {
      const odd = random(20);
      const length = odd === 0 ? 120 + random(20) : odd === 1 ? random(500) : random(4) * random(30);
      lines.push((odd === 2 ? "." : odd === 3 ? "x\ry" : "") + "abcdefghij".repeat(50).slice(0, length));
    }
    const wire = lines.map((line) => (line.startsWith(".") ? "." : "") + line + "\r\n").join("") +
      ".\r\nQUIT";
    const { records, rest, reader } = read(wire, { size: 1 + random(20_000) });
    assert.deepEqual(records, lines.map((line) => `N:${line}`));
    assert.equal(reader.size, lines.reduce((sum, line) => sum + line.length + 2, 0));
    assert.equal(rest, "QUIT");
  }
});

Deno.test("commandWords: paths, parameters, quotes, brackets that stay open", () => {
  const words = (line: string) => commandWords(line).map((word) => [word.text, word.kind[0]].join(" "));
  assert.deepEqual(words("MAIL FROM:<a@b.test> SIZE=1"), ["MAIL o", "FROM: o", "<a@b.test> p", "SIZE=1 o"]);
  assert.deepEqual(words('mail  from: <"a b>"@c>\r'), ["mail o", "from: o", '<"a b>"@c> p']);
  assert.deepEqual(words("RCPT TO:<@a,@b:c@d>x ORCPT=rfc822;a:b"), [
    "RCPT o",
    "TO: o",
    "<@a,@b:c@d>x p",
    "ORCPT=rfc822;a:b o",
  ]);
  assert.deepEqual(words("MAIL FROM:<a@b"), ["MAIL o", "FROM: o", "<a@b b"]);
  assert.deepEqual(words("MAIL FROM :<a>"), ["MAIL o", "FROM o", ":<a> o"]);
  assert.deepEqual(words(" \t\v"), []);
});
