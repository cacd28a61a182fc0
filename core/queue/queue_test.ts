import assert from "node:assert/strict";
import { ByteBuffer } from "../bytes/mod.ts";
import {
  appendRecord,
  appendTextRecord,
  fixedNumber,
  formatSizeRecord,
  type LogRecord,
  Notify,
  parseEnvelope,
  type Queue,
  QueueFileError,
  type QueueSettings,
  type QueueWriter,
  RecordType,
  SIZE_RECORD_LENGTH,
} from "./mod.ts";
import { memoryQueue, openQueueWith } from "./testing.ts";

const NOTHING = new Uint8Array(0);

function settings(directory: string, more: Partial<QueueSettings> = {}): QueueSettings {
  return {
    directory,
    hashNames: ["deferred", "defer"],
    hashDepth: 1,
    longIds: false,
    attributeLimit: 100,
    oldLogLine: true,
    ...more,
  };
}

function temporaryQueue(more: Partial<QueueSettings> = {}): { queue: Queue; directory: string } {
  const directory = Deno.makeTempDirSync({ prefix: "postel-queue-" });
  for (
    const name of [
      "incoming",
      "active",
      "deferred",
      "hold",
      "corrupt",
      "maildrop",
      "bounce",
      "defer",
      "trace",
    ]
  ) Deno.mkdirSync(`${directory}/${name}`);
  return { queue: openQueueWith(settings(directory, more)), directory };
}

interface Sample {
  head: Uint8Array;
  tail: Uint8Array;
  tailOffset: number;
}

/** Writes a message with two recipients and returns its two ends. */
function writeSample(
  writer: QueueWriter,
  body: readonly string[],
  extra: (buffer: ByteBuffer) => void = () => {},
) {
  const head = new ByteBuffer();
  head.append(formatSizeRecord({
    contentSize: 0,
    contentOffset: 0,
    recipientCount: 0,
    hints: 0,
    messageSize: 0,
    sendopts: 0,
  }));
  appendTextRecord(head, RecordType.Time, "1795228776 897284");
  appendTextRecord(head, RecordType.Attribute, "create_time=1795228826");
  appendTextRecord(head, RecordType.Attribute, "rewrite_context = local");
  appendTextRecord(head, RecordType.Attribute, "trace_flags=1024");
  appendTextRecord(head, RecordType.Sender, "alice@example.com");
  appendTextRecord(head, RecordType.Warning, fixedNumber(1795229999));
  extra(head);
  appendTextRecord(head, RecordType.Attribute, `notify_flags=${Notify.Failure | Notify.Delay}`);
  appendTextRecord(head, RecordType.Attribute, "dsn_orig_rcpt=rfc822;old@example.org");
  appendTextRecord(head, RecordType.OriginalRecipient, "old@example.org");
  appendTextRecord(head, RecordType.Recipient, "bob@example.org");
  appendTextRecord(head, RecordType.Recipient, "büro@example.org");
  appendRecord(head, RecordType.Message, NOTHING);
  const contentOffset = head.length;
  writer.append(head.view());
  const line = new ByteBuffer();
  for (const text of body) {
    line.clear();
    appendTextRecord(line, RecordType.Normal, text);
    writer.append(line.view());
  }
  const tailOffset = writer.offset;
  const tail = new ByteBuffer();
  appendRecord(tail, RecordType.Extracted, NOTHING);
  appendTextRecord(tail, RecordType.Attribute, "encoding=8bit");
  appendRecord(tail, RecordType.End, NOTHING);
  writer.append(tail.view());
  const contentSize = tailOffset - contentOffset;
  const size = formatSizeRecord({
    contentSize,
    contentOffset,
    recipientCount: 2,
    hints: 0,
    messageSize: contentSize,
    sendopts: 0,
  });
  head.overwrite(0, size);
  writer.overwrite(0, size);
  return { head: head.toBytes(), tail: tail.toBytes(), tailOffset } satisfies Sample;
}

function contentLines(queue: Queue, id: string, offset: number): string[] {
  const content = queue.openContent("incoming", id, offset);
  const lines: string[] = [];
  while (content.next()) {
    lines.push(new TextDecoder().decode(content.bytes.subarray(content.start, content.end)));
  }
  content.close();
  return lines;
}

const stores: [string, () => { queue: Queue; directory?: string }][] = [
  ["disk", temporaryQueue],
  ["memory", () => ({ queue: memoryQueue() })],
];

for (const [name, make] of stores) {
  Deno.test(`queue (${name}): a message's life from creation to removal`, async () => {
    const { queue, directory } = make();
    const writer = queue.create("incoming");
    const body = ["Subject: x", "", "Hello", "x".repeat(5000)];
    const ends = writeSample(writer, body);
    await writer.commit();
    assert.equal(queue.stat("incoming", writer.id)?.mode, 0o700);
    assert.deepEqual([...queue.scan("incoming")], [writer.id]);

    const envelope = queue.readEnvelope("incoming", writer.id);
    assert.deepEqual(envelope, parseEnvelope(ends.head, ends.tail, ends.tailOffset));
    assert.equal(envelope.sender, "alice@example.com");
    assert.deepEqual(envelope.arrival, { seconds: 1795228776, micros: 897284 });
    assert.equal(envelope.createTime, 1795228826);
    assert.equal(envelope.attributes.get("rewrite_context"), "local");
    assert.equal(envelope.attributes.get("encoding"), "8bit");
    const [first, second] = envelope.recipients;
    assert.equal(first?.original, "old@example.org");
    assert.equal(first?.dsnOriginal, "rfc822;old@example.org");
    assert.equal(first?.notify, 12);
    assert.equal(second?.address, "büro@example.org");
    assert.equal(second?.original, "büro@example.org");
    assert.deepEqual(contentLines(queue, writer.id, envelope.contentOffset), body);

    queue.move(writer.id, "incoming", "active");
    queue.markDone("active", writer.id, [first!.offset, -1]);
    queue.markWarned("active", writer.id, envelope.warning!.offset);
    queue.killTrace("active", writer.id, envelope.traceOffset!);
    queue.move(writer.id, "active", "deferred", 2_000_000_000);
    assert.equal(queue.stat("deferred", writer.id)?.mtime, 2_000_000_000);
    assert.deepEqual([...queue.scan("deferred")], [writer.id]);
    const later = queue.readEnvelope("deferred", writer.id, { lock: true });
    assert.equal(later.doneCount, 1);
    assert.deepEqual(later.recipients.map((recipient) => recipient.address), ["büro@example.org"]);
    assert.equal(later.warning?.seconds, -1);
    assert.equal(later.traceOffset, undefined);
    assert.ok(queue.remove("deferred", writer.id));
    assert.ok(!queue.remove("deferred", writer.id));
    assert.throws(() => queue.readEnvelope("deferred", writer.id), { kind: "missing" });
    if (directory !== undefined) Deno.removeSync(directory, { recursive: true });
  });

  Deno.test(`queue (${name}): locks keep a delivery and a change apart`, async () => {
    const { queue, directory } = make();
    const writer = queue.create("incoming");
    writeSample(writer, ["", "x"]);
    await writer.commit();
    const offset = queue.readEnvelope("incoming", writer.id).contentOffset;
    const first = queue.openContent("incoming", writer.id, offset);
    const second = queue.openContent("incoming", writer.id, offset);
    assert.throws(() => queue.readEnvelope("incoming", writer.id, { lock: true }), { kind: "busy" });
    first.close();
    second.close();
    const lock = queue.lock("incoming", writer.id, "exclusive");
    assert.throws(() => queue.openContent("incoming", writer.id, offset), { kind: "busy" });
    lock.release();
    queue.readEnvelope("incoming", writer.id, { lock: true });
    if (directory !== undefined) Deno.removeSync(directory, { recursive: true });
  });

  Deno.test(`queue (${name}): logs are written, read and removed`, async () => {
    const { queue, directory } = make();
    const entry: LogRecord = {
      recipient: {
        address: "a b@example.org",
        original: "other@example.com",
        dsnOriginal: "rfc822;a@b",
        notify: 10,
        offset: 245,
      },
      action: "delayed",
      status: "4.4.1",
      reason: "connect to mx[192.0.2.1]:25:\nConnection refused",
      diagnostic: { type: "smtp", text: "450 no" },
      remote: { type: "dns", name: "mx" },
    };
    await queue.appendLog("defer", "5880421A34A", entry);
    await queue.appendLog("defer", "5880421A34A", {
      recipient: { address: "", original: "", dsnOriginal: "", notify: 0, offset: -1 },
      action: "delayed",
      status: "4.0.0",
      reason: "x",
    });
    assert.ok(queue.hasLog("defer", "5880421A34A"));
    const [first, second, ...others] = queue.readLog("defer", "5880421A34A");
    assert.deepEqual(others, []);
    assert.equal(first?.recipient.address, '"a b"@example.org');
    assert.equal(first?.recipient.offset, 245);
    assert.equal(first?.reason, "connect to mx[192.0.2.1]:25:?Connection refused");
    assert.deepEqual(first?.remote, { type: "dns", name: "mx" });
    assert.equal(second?.recipient.address, "");
    assert.deepEqual(queue.readLog("bounce", "5880421A34A"), []);

    queue.startAfresh("5880421A34A");
    assert.ok(!queue.hasLog("defer", "5880421A34A"));
    assert.deepEqual(queue.readLog("defer", "5880421A34A"), []);
    await queue.appendLog("bounce", "5880421A34A", entry);
    assert.ok(!queue.hasLog("defer", "5880421A34A"));
    await queue.appendLog("defer", "5880421A34A", { ...entry, reason: "of the new message" });
    assert.deepEqual(queue.readLog("defer", "5880421A34A").map(({ reason }) => reason), [
      "of the new message",
    ]);
    if (directory !== undefined) Deno.removeSync(directory, { recursive: true });
  });
}

Deno.test("queue: an uncommitted file can't be mistaken for a message and vanishes on discard", () => {
  const { queue, directory } = temporaryQueue();
  const writer = queue.create("incoming");
  writer.append(new Uint8Array(10));
  assert.equal(queue.stat("incoming", writer.id)?.mode, 0o600);
  writer.discard();
  assert.deepEqual([...Deno.readDirSync(`${directory}/incoming`)], []);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("queue: a large message goes to disk in pieces and its size record is still rewritten", async () => {
  const { queue, directory } = temporaryQueue({ longIds: true });
  const writer = queue.create("incoming");
  const body = Array.from({ length: 3000 }, (_, index) => `${index} ${"y".repeat(300)}`);
  writeSample(writer, ["", ...body]);
  await writer.commit("hold");
  const envelope = queue.readEnvelope("hold", writer.id);
  assert.equal(envelope.recipients.length, 2);
  queue.move(writer.id, "hold", "incoming");
  assert.deepEqual(contentLines(queue, writer.id, envelope.contentOffset), ["", ...body]);
  assert.ok(writer.offset > SIZE_RECORD_LENGTH);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("queue: a directory that can't be written is an io error with its path", () => {
  const queue = openQueueWith(settings("/nonexistent/queue"));
  assert.throws(() => queue.create("incoming"), (error: unknown) => {
    assert.ok(error instanceof QueueFileError);
    assert.match(error.message, /\/nonexistent\/queue\/incoming/);
    return true;
  });
});

Deno.test("queue: recipients in batches, whatever was done meanwhile", () => {
  const queue = memoryQueue();
  const writer = queue.create("incoming");
  const buffer = new ByteBuffer();
  const add = (type: number, text: string) => appendTextRecord(buffer, type, text);
  const recipients = (from: number, to: number) => {
    for (let n = from; n < to; n++) {
      add(RecordType.Attribute, `dsn_orig_rcpt=rfc822;o${n}@example.com`);
      add(RecordType.OriginalRecipient, `o${n}@example.com`);
      add(RecordType.Recipient, `r${n}@example.com`);
    }
  };
  buffer.append(
    formatSizeRecord({
      contentSize: 0,
      contentOffset: 0,
      recipientCount: 0,
      hints: 0,
      messageSize: 0,
      sendopts: 0,
    }),
  );
  add(RecordType.Time, "1000 5");
  add(RecordType.Sender, "a@example.com");
  recipients(0, 7);
  add(RecordType.Message, "");
  const contentOffset = buffer.length;
  add(RecordType.Normal, "Subject: x");
  const contentSize = buffer.length - contentOffset;
  add(RecordType.Extracted, "");
  recipients(7, 12);
  add(RecordType.End, "");
  buffer.overwrite(
    0,
    formatSizeRecord({
      contentSize,
      contentOffset,
      recipientCount: 12,
      hints: 0,
      messageSize: contentSize,
      sendopts: 0,
    }),
  );
  writer.append(buffer.view());
  void writer.commit();

  for (const limit of [1, 2, 3, 5, 7, 11, 12, 100]) {
    const envelope = queue.readEnvelope("incoming", writer.id, { recipientLimit: limit });
    const seen = [...envelope.recipients];
    for (let next = envelope.moreRecipients; next !== undefined;) {
      const batch = queue.readRecipients("incoming", writer.id, next, limit);
      assert.ok(batch.recipients.length <= limit);
      seen.push(...batch.recipients);
      next = batch.next;
    }
    assert.deepEqual(seen, queue.readEnvelope("incoming", writer.id).recipients);
    assert.equal(seen.length, 12);
    assert.equal(seen[11]!.dsnOriginal, "rfc822;o11@example.com");
  }

  const first = queue.readEnvelope("incoming", writer.id, { recipientLimit: 5 });
  const all = queue.readEnvelope("incoming", writer.id).recipients;
  queue.markDone("incoming", writer.id, [all[1]!.offset, all[5]!.offset, all[8]!.offset]);
  const rest = queue.readRecipients("incoming", writer.id, first.moreRecipients!, 100).recipients;
  assert.deepEqual(
    rest.map((recipient) => recipient.address),
    [6, 7, 9, 10, 11].map((n) => `r${n}@example.com`),
  );
});

Deno.test("queue: the limit of attributes is not one of recipients", () => {
  const queue = memoryQueue();
  const writer = queue.create("incoming");
  const buffer = new ByteBuffer();
  const size = {
    contentSize: 0,
    contentOffset: 0,
    recipientCount: 150,
    hints: 0,
    messageSize: 0,
    sendopts: 0,
  };
  buffer.append(formatSizeRecord(size));
  appendTextRecord(buffer, RecordType.Time, "1000 5");
  appendTextRecord(buffer, RecordType.Sender, "a@example.com");
  for (let n = 0; n < 150; n++) {
    appendTextRecord(buffer, RecordType.Attribute, `dsn_orig_rcpt=rfc822;r${n}@example.com`);
    appendTextRecord(buffer, RecordType.Recipient, `r${n}@example.com`);
  }
  appendTextRecord(buffer, RecordType.Message, "");
  const contentOffset = buffer.length;
  appendTextRecord(buffer, RecordType.Extracted, "");
  appendTextRecord(buffer, RecordType.End, "");
  buffer.overwrite(0, formatSizeRecord({ ...size, contentOffset }));
  writer.append(buffer.view());
  void writer.commit();
  assert.equal(queue.readEnvelope("incoming", writer.id).recipients.length, 150);
});
