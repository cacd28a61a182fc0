import assert from "node:assert/strict";
import { ByteBuffer } from "../bytes/mod.ts";
import {
  appendRecord,
  appendTextRecord,
  formatLogRecord,
  formatSizeRecord,
  hashDirectories,
  isLongId,
  isQueueId,
  longId,
  memorySource,
  parseEnvelope,
  parseLog,
  parseQueueId,
  parseSizeRecord,
  QueueFileError,
  readRecords,
  RecordCursor,
  RecordType,
  RecordWalker,
  shortId,
} from "./mod.ts";
import { openQueueWith } from "./testing.ts";
import { SourceContentReader } from "./content_reader.ts";
import { readEnvelope } from "./envelope.ts";
import { randomNumbers } from "../../testdata/random.ts";

const recorded = (name: string) =>
  Deno.readFileSync(new URL(`../../testdata/queue/${name}`, import.meta.url));

Deno.test("records: lengths in seven-bit groups, both ways", () => {
  const lengths: readonly (readonly [number, readonly number[]])[] = [
    [0, [0x00]],
    [95, [0x5f]],
    [127, [0x7f]],
    [128, [0x80, 0x01]],
    [2048, [0x80, 0x10]],
    [5000, [0x88, 0x27]],
    [16384, [0x80, 0x80, 0x01]],
  ];
  for (const [length, encoded] of lengths) {
    const buffer = new ByteBuffer();
    appendRecord(buffer, RecordType.Normal, new Uint8Array(length).fill(120));
    assert.deepEqual([...buffer.view(1, 1 + encoded.length)], encoded);
    const [record, ...more] = [...readRecords(buffer.view())];
    assert.equal(record?.data.length, length);
    assert.equal(more.length, 0);
    // Cut off anywhere, it is no record; with the rest behind it, it is.
    for (const cut of [0, 1, buffer.length - 1].filter((at) => at < buffer.length)) {
      const cursor = new RecordCursor(buffer.view(0, cut));
      assert.equal(cursor.next(), false);
      assert.equal(cursor.end, 0);
    }
  }
});

Deno.test("records: limits", () => {
  const buffer = new ByteBuffer();
  appendTextRecord(buffer, RecordType.Sender, "x".repeat(2049));
  assert.throws(() => new RecordCursor(buffer.view(), 0, 2048).next(), QueueFileError);
  const endless = Uint8Array.from([0x4e, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]);
  assert.throws(() => new RecordCursor(endless).next(), { kind: "corrupt" });
  assert.throws(() => new RecordWalker(memorySource(endless), "x").next(), { kind: "corrupt" });
  assert.throws(() => [...readRecords(Uint8Array.of(0x4e, 5, 1))], { kind: "corrupt" });
});

Deno.test("records: text travels as the octets it came from", () => {
  const buffer = new ByteBuffer();
  appendTextRecord(buffer, RecordType.Recipient, "b\udcfcro@example.org");
  assert.deepEqual([...buffer.view(0, 5)], [0x52, 16, 0x62, 0xfc, 0x72]);
});

Deno.test("ids: short and long, made and taken apart", () => {
  assert.equal(shortId(897317, 2204453), "DB12521A325");
  assert.equal(shortId(5, 0x1f), "000051F");
  assert.deepEqual(parseQueueId("DB12521A325"), { micros: 897317, inode: 2204453 });
  assert.equal(longId(1795229309, 617292, 2204573), "4jWc8Y4NH0zJbYv");
  assert.deepEqual(parseQueueId("4jWc8Y4NH0zJbYv"), { seconds: 1795229309, micros: 617292, inode: 2204573 });
  assert.equal(isLongId("4jWc8Y4NH0zJbYv"), true);
  assert.equal(isLongId("DB12521A325"), false);
  assert.equal(parseQueueId("hello"), undefined);
  assert.equal(hashDirectories("4jWc8Y4NH0zJbYv", 2), "9/6/");
  assert.equal(hashDirectories("DB12521A325", 1), "D/");
  assert.equal(hashDirectories("A", 3), "A/_/_/");
  assert.equal(isQueueId("../x"), false);
  assert.equal(isQueueId(""), false);
  assert.equal(isQueueId("x".repeat(256)), false);
  const next = randomNumbers(3);
  for (let round = 0; round < 500; round++) {
    const parts = {
      seconds: 1_700_000_000 + next(90_000_000),
      micros: next(1_000_000),
      inode: 1 + next(1 << 24),
    };
    assert.deepEqual(parseQueueId(longId(parts.seconds, parts.micros, parts.inode)), parts);
    const { seconds: _, ...short } = parts;
    assert.deepEqual(parseQueueId(shortId(parts.micros, parts.inode)), short);
  }
});

Deno.test("size record: as Postfix writes it, and older forms", () => {
  const bytes = recorded("deferred.bin");
  const fields = {
    contentSize: 300,
    contentOffset: 439,
    recipientCount: 2,
    hints: 24,
    messageSize: 300,
    sendopts: 0,
  };
  assert.deepEqual(formatSizeRecord(fields), bytes.slice(0, 97));
  assert.deepEqual(parseSizeRecord(" 10  20   3", "x"), {
    contentSize: 10,
    contentOffset: 20,
    recipientCount: 3,
    hints: 1,
    messageSize: 10,
    sendopts: 0,
  });
  assert.throws(() => parseSizeRecord("10", "x"), { kind: "corrupt" });
  assert.throws(() => parseSizeRecord("10 20 1 64", "x"), { kind: "corrupt" });
});

Deno.test("envelope: a file that Postfix wrote", () => {
  const bytes = recorded("deferred.bin");
  const envelope = readEnvelope(memorySource(bytes), "9B87C212661");
  assert.equal(envelope.sender, "alice@example.com");
  assert.equal(envelope.fullName, "Al Ice");
  assert.equal(envelope.envelopeId, "env+2B1");
  assert.equal(envelope.returnFlags, 2);
  assert.equal(envelope.warning?.seconds, envelope.createTime + 4 * 3600);
  assert.equal(envelope.attributes.get("rewrite_context"), "local");
  assert.deepEqual(envelope.recipients, [
    {
      address: "bob@example.org",
      original: "bob@example.org",
      dsnOriginal: "rfc822;bob@example.org",
      notify: 12,
      offset: 313,
    },
    {
      address: "joe smith@example.net",
      original: "joe smith@example.net",
      dsnOriginal: "rfc822;joe smith@example.net",
      notify: 12,
      offset: 414,
    },
  ]);
  const content = new SourceContentReader(memorySource(bytes), "x", envelope.contentOffset);
  const lines: string[] = [];
  while (content.next()) {
    lines.push(new TextDecoder().decode(content.bytes.subarray(content.start, content.end)));
  }
  assert.deepEqual(lines.slice(-4), ["", "Hello", "last", ""]);
  assert.deepEqual(parseEnvelope(bytes.slice(0, 439), bytes.slice(739), 739), envelope);
});

Deno.test("logs: one that Postfix wrote, read and written again", () => {
  const bytes = recorded("defer.log");
  const entries = parseLog(bytes, "defer");
  assert.deepEqual(entries.map(({ recipient }) => recipient.address), [
    '"joe smith"@example.net',
    "bob@example.org",
  ]);
  assert.equal(entries[0]?.recipient.offset, 414);
  const again = entries.map((entry) =>
    new TextDecoder().decode(formatLogRecord(entry, (text) => text, true))
  );
  assert.equal(again.join(""), new TextDecoder().decode(bytes));
  const old = parseLog(new TextEncoder().encode("<a@b>: no such user\n\n<>: x\njunk line\n"), "bounce");
  assert.deepEqual(old.map(({ recipient, reason, status }) => [recipient.address, reason, status]), [
    ["a@b", "no such user", "5.0.0"],
    ["", "x", "5.0.0"],
  ]);
});

/** Walks the whole file as a delivery would; only `QueueFileError` may come out. */
function readAll(bytes: Uint8Array): void {
  try {
    const envelope = readEnvelope(memorySource(bytes), "fuzz");
    const content = new SourceContentReader(memorySource(bytes), "fuzz", envelope.contentOffset);
    let records = 0;
    while (content.next()) {
      records += 1;
      assert.ok(records < 1_000_000);
      assert.ok(content.end <= content.bytes.length);
    }
  } catch (error) {
    assert.ok(error instanceof QueueFileError, String(error));
  }
}

Deno.test("envelope: damaged files only ever give a QueueFileError (fixed seed)", () => {
  const next = randomNumbers(7);
  const originals = [recorded("deferred.bin"), recorded("maildrop.bin")];
  const types = Object.values(RecordType);
  for (let round = 0; round < 6000; round++) {
    let bytes = originals[round % 2]!.slice();
    for (let count = 1 + next(4); count > 0; count--) {
      const at = next(bytes.length);
      switch (next(5)) {
        case 0:
          bytes[at] = next(256);
          break;
        case 1:
          bytes = bytes.slice(0, at + 1);
          break;
        case 2:
          bytes[at] = types[next(types.length)]!;
          break;
        case 3:
          bytes[at] = 0x80 | next(128);
          break;
        default: {
          const pointer = new TextEncoder().encode(`p\x0f${String(next(bytes.length + 50)).padStart(15)}`);
          bytes.set(pointer.subarray(0, Math.min(pointer.length, bytes.length - at)), at);
        }
      }
    }
    readAll(bytes);
  }
});

Deno.test("walker: a loop of pointer records ends with an error", () => {
  const buffer = new ByteBuffer();
  appendTextRecord(buffer, RecordType.Normal, "x");
  appendTextRecord(buffer, RecordType.Pointer, "0".padStart(15));
  appendTextRecord(buffer, RecordType.Pointer, "3".padStart(15));
  const walker = new RecordWalker(memorySource(buffer.view()), "loop");
  assert.ok(walker.next());
  assert.throws(() => {
    while (walker.next()) {
      // Goes round in circles until the walker has enough.
    }
  }, /too many pointer records/);
});

Deno.test("walker: a damaged length does not make us ask for more memory than the file has bytes", () => {
  const directory = Deno.makeTempDirSync();
  Deno.mkdirSync(`${directory}/incoming`);
  Deno.writeFileSync(
    `${directory}/incoming/ABCDE1`,
    Uint8Array.from([0x43, 0xff, 0xff, 0xff, 0xff, 0x07, 1, 2]),
  );
  const queue = openQueueWith({
    directory,
    hashNames: [],
    hashDepth: 1,
    longIds: false,
    attributeLimit: 100,
    oldLogLine: true,
  });
  assert.throws(() => queue.readEnvelope("incoming", "ABCDE1"), /cut off/);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("logs: any bytes are a log (fixed seed)", () => {
  const next = randomNumbers(13);
  const pieces = [
    "\n",
    "<",
    ">: ",
    "recipient=",
    "status=",
    "offset=",
    "a@b",
    "\n\n",
    "=",
    "9".repeat(30),
    "\xff",
  ];
  for (let round = 0; round < 2000; round++) {
    let text = "";
    for (let count = next(40); count > 0; count--) text += pieces[next(pieces.length)];
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    for (const entry of parseLog(bytes, "defer")) {
      assert.equal(typeof entry.reason, "string");
      assert.ok(Number.isSafeInteger(entry.recipient.offset));
    }
  }
});
