import assert from "node:assert/strict";
import { printable } from "../bytes/mod.ts";
import { TextSpan } from "./listing_sink.ts";
import { parseLog } from "./log_record.ts";
import { LogScanner } from "./log_scanner.ts";

interface Shown {
  readonly address: string;
  readonly original: string;
  readonly reason: string;
}

function scanned(bytes: Uint8Array): Shown[] {
  const scanner = new LogScanner();
  scanner.scan(bytes);
  const entries: Shown[] = [];
  const span = new TextSpan();
  for (let entry = 0; entry < scanner.count; entry++) {
    scanner.address(entry, "NOBODY", span);
    const address = span.text();
    scanner.original(entry, "NOBODY", span);
    const original = span.text();
    scanner.reason(entry, span);
    entries.push({ address, original, reason: span.text() });
  }
  return entries;
}

function parsed(bytes: Uint8Array): Shown[] {
  return parseLog(bytes, "defer").map(({ recipient, reason }) => {
    const address = recipient.address === "" ? "NOBODY" : recipient.address;
    const original = recipient.original === "" ? address : recipient.original;
    return { address: printable(address), original: printable(original), reason };
  });
}

Deno.test("log scanner: what a listing shows of a log", () => {
  const log = `
<old@example.com>: first words
recipient=new@example.com
original_recipient=alias@example.com
status=4.4.1
reason=better words

recipient=<>
dsn_orig_rcpt=rfc822;x

action=delayed
`;
  assert.deepEqual(scanned(new TextEncoder().encode(log)), [
    { address: "new@example.com", original: "alias@example.com", reason: "better words" },
    { address: "NOBODY", original: "NOBODY", reason: "(description unavailable)" },
    {
      address: "(recipient address unavailable)",
      original: "(recipient address unavailable)",
      reason: "(description unavailable)",
    },
  ]);
});

Deno.test("log scanner: any bytes give what the reader of whole logs gives (fixed seed)", () => {
  let state = 1;
  const next = (below: number) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor(state / 2147483648 * below);
  };
  const pieces = [
    "\n",
    "\n\n",
    "recipient=",
    "original_recipient=",
    "reason=",
    "<",
    ">",
    ">: ",
    "a@b.example",
  ]
    .concat(["status=4.0.0", "=", " ", "büro", "\x00", "\x07", "<>", "recipient=<>\n"]);
  const encoder = new TextEncoder();
  for (let round = 0; round < 3000; round++) {
    let text = "";
    for (let count = next(20); count > 0; count--) text += pieces[next(pieces.length)];
    const bytes = encoder.encode(text);
    if (bytes.length > 0 && next(3) === 0) bytes[next(bytes.length)] = next(256);
    assert.deepEqual(scanned(bytes), parsed(bytes), JSON.stringify(text));
  }
});
