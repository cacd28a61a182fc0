import assert from "node:assert/strict";
import { decodeText, encodeText } from "../bytes/mod.ts";
import { type ContentReader, RecordType } from "../queue/types.ts";
import golden from "../../testdata/message/downgrade.json" with { type: "json" };
import { downgradeCases } from "../../testdata/message/downgrade_cases.ts";
import {
  checkAction,
  downgradeContent,
  encodeWords,
  headerTokens,
  isHeaderText,
  knownHeaderByName,
  mailDate,
  MimeError,
  MimeEvent,
  MimeScanner,
} from "./mod.ts";
import { parseZoneRule } from "./zone_name.ts";
import { randomNumbers } from "../../testdata/random.ts";

const LIMITS = { headerLimit: 102400, boundaryLimit: 2048, nestingLimit: 100 };

/** Text as content records: long lines in pieces, as in a queue file. */
function readerOf(text: string, limit = 2048): ContentReader {
  const records: { type: number; data: Uint8Array }[] = [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  for (const line of lines) {
    let rest: Uint8Array = encodeText(line);
    while (rest.length >= limit) {
      records.push({ type: RecordType.Continued, data: rest.subarray(0, limit) });
      rest = rest.subarray(limit);
    }
    records.push({ type: RecordType.Normal, data: rest });
  }
  let at = -1;
  return {
    next: () => ++at < records.length,
    get type() {
      return records[at]!.type;
    },
    get bytes() {
      return records[at]!.data;
    },
    start: 0,
    get end() {
      return records[at]!.data.length;
    },
    rewind: () => void (at = -1),
    close() {},
  };
}

function textOf(reader: ContentReader): string {
  let text = "";
  while (reader.next()) {
    text += decodeText(reader.bytes.slice(reader.start, reader.end));
    if (reader.type === RecordType.Normal) text += "\n";
  }
  return text;
}

for (const [name, text] of Object.entries(downgradeCases)) {
  Deno.test(`downgradeContent as Postfix does: ${name}`, () => {
    const expected = (golden as Record<string, string>)[name]!
      .replace(/^(Message-Id|Date|From): .*\n/gm, (line) => text.includes(line) ? line : "");
    const reader = downgradeContent(readerOf(text), LIMITS);
    assert.equal(textOf(reader), expected);
    reader.rewind();
    assert.equal(textOf(reader), expected);
  });
}

Deno.test("downgradeContent: what comes out is 7-bit where it was declared, and decodes to what went in (fixed seed)", () => {
  const random = randomNumbers(77);
  for (let round = 0; round < 300; round++) {
    const body = Array.from(
      { length: 1 + random(6) },
      () => Array.from({ length: random(120) }, () => " \tab=.ü\u00ff€x"[random(10)]).join(""),
    ).join("\n");
    const out = textOf(
      downgradeContent(readerOf(`Content-Transfer-Encoding: 8bit\n\n${body}\n`, 40 + random(60)), LIMITS),
    );
    const encoded = out.slice(out.indexOf("\n\n") + 2);
    assert.match(encoded, /^[\x20-\x7e\t\n]*$/);
    assert.ok(encoded.split("\n").every((line) => line.length <= 76 && !/[ \t]$/.test(line)), encoded);
    const decoded = encoded.replaceAll("=\n", "").replace(
      /((?:=[0-9A-F]{2})+)/g,
      (hex) => decodeText(Uint8Array.fromHex(hex.replaceAll("=", ""))),
    );
    assert.equal(decoded, `${body}\n`);
  }
});

Deno.test("MimeScanner: never fails and accounts for every line, whatever it reads (fixed seed)", () => {
  const random = randomNumbers(4711);
  const pieces = [
    "Content-Type:",
    " multipart/mixed;",
    "boundary=",
    '"',
    "\\",
    "(",
    ")",
    "--",
    "a",
    "message/rfc822",
    "\0",
  ];
  for (let round = 0; round < 2000; round++) {
    const scanner = new MimeScanner({
      ...LIMITS,
      headerLimit: random(2) === 0 ? 50 : 1000,
      nestingLimit: random(3),
      disabled: false,
      report: 31,
    });
    let lines = 0;
    let taken = 0;
    for (let count = random(30); count > 0; count--) {
      const text = Array.from({ length: random(6) }, () => pieces[random(pieces.length)]).join("");
      const bytes = random(4) === 0
        ? Uint8Array.from({ length: random(40) }, () => random(256))
        : encodeText(text);
      lines += 1;
      for (let turn = 0;; turn++) {
        assert.ok(turn < 6, "the scanner does not get on");
        const event = scanner.feed(
          random(5) === 0 ? RecordType.Continued : RecordType.Normal,
          bytes,
          0,
          bytes.length,
        );
        if (event === MimeEvent.Header) {
          assert.ok(scanner.header.length <= 1000 && scanner.headerNameLength > 0);
        }
        if (event === MimeEvent.Body || event === MimeEvent.Held) {
          taken += 1;
          break;
        }
      }
    }
    assert.equal(taken, lines);
    for (let turn = 0; scanner.end() !== MimeEvent.Body; turn++) assert.ok(turn < 6);
    assert.equal(scanner.errors & ~31, 0);
  }
});

Deno.test("MimeScanner: an 8-bit header is reported once", () => {
  const errors: string[] = [];
  const scanner = new MimeScanner({
    ...LIMITS,
    disabled: false,
    report: MimeError.EightBitHeader,
    onError: (_error, text) => errors.push(text),
  });
  for (const line of ["A: ä", "B: ö", ""]) {
    const bytes = encodeText(line);
    while (scanner.feed(RecordType.Normal, bytes, 0, bytes.length) > MimeEvent.Held);
  }
  assert.deepEqual(errors, ["A: ä"]);
});

Deno.test("headerTokens: words, quoted strings, specials; comments nest and drop out", () => {
  const shown = (value: string) => headerTokens(value).map((piece) => piece.map(({ text }) => text));
  assert.deepEqual(shown(' multipart/mixed; boundary="a;b \\"c" (x (y) z)'), [
    ["multipart", "/", "mixed"],
    ["boundary", "=", 'a;b "c'],
  ]);
  assert.deepEqual(shown('"unterminated'), [["unterminated"]]);
  assert.deepEqual(shown("(unterminated"), [[]]);
});

Deno.test("encodeWords: words of at most 75 characters, characters stay whole", () => {
  assert.equal(encodeWords("Jörg Müller"), "=?utf-8?Q?J=C3=B6rg_M=C3=BCller?=");
  const long = encodeWords("äöüß€".repeat(30));
  const words = long.split("\n ");
  assert.ok(words.length > 1 && words.every((word) => word.length <= 75));
  const decoded = words.map((word) =>
    new TextDecoder("utf-8", { fatal: true }).decode(
      Uint8Array.fromHex(word.slice(10, -2).replaceAll("=", "")),
    )
  ).join("");
  assert.equal(decoded, "äöüß€".repeat(30));
});

Deno.test("checkAction: name in any case, text without leading blanks", () => {
  assert.deepEqual(checkAction("reject \t 5.7.1 no"), { name: "REJECT", text: "5.7.1 no" });
  assert.deepEqual(checkAction("FNORD x"), { name: undefined, text: "x" });
  assert.ok(isHeaderText("X-Foo: bar") && !isHeaderText("foo bar") && !isHeaderText(": x"));
  assert.equal(knownHeaderByName("MESSAGE-ID")?.name, "Message-Id");
});

Deno.test("mailDate: RFC 5322 form with the zone", () => {
  assert.match(
    mailDate(1793973600),
    /^\w{3}, {2}[5-7] Nov 2026 /,
    "one digit is padded with a blank, as strftime(3) %e does",
  );
  assert.match(mailDate(1795229040), /^\w{3}, 2[0-9] Nov 2026 \d\d:\d\d:00 [+-]\d{4} \([^)]+\)$/);
});

Deno.test("parseZoneRule: names and offsets of POSIX zone rules", () => {
  assert.deepEqual(parseZoneRule("CET-1CEST,M3.5.0,M10.5.0/3"), {
    standard: "CET",
    standardOffset: 60,
    summer: "CEST",
    summerOffset: 120,
  });
  assert.equal(parseZoneRule("<+0530>-5:30")?.standardOffset, 330);
  assert.equal(parseZoneRule("UTC0")?.standard, "UTC");
  assert.equal(parseZoneRule("Europe/Berlin"), undefined);
});
