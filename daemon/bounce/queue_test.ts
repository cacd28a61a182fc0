/** The bounce service on a real queue directory, with the real cleanup service behind it. */
import assert from "node:assert/strict";
import { ByteBuffer, decodeText } from "../../core/bytes/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { appendTextRecord, type Queue, RecordType } from "../../core/queue/mod.ts";
import { type TestCleanup, testCleanup } from "../cleanup/testing.ts";
import type { CleanupService } from "../cleanup/types.ts";
import type { BounceTarget } from "../delivery/types.ts";
import { BounceFlag, createBounce } from "./mod.ts";

const REASON = { status: "5.1.1", reason: "nobody here" };
const recipient = {
  address: "r@remote.test",
  original: "r@remote.test",
  dsnOriginal: "",
  notify: 0,
  offset: -1,
};

/** Puts a message into the queue and returns its id. */
async function submit(cleanup: TestCleanup, sender: string): Promise<string> {
  const message = cleanup.service.begin(0x20);
  const out = new ByteBuffer();
  const records: [number, string][] = [
    [RecordType.Time, "1795000000 5"],
    [RecordType.Sender, sender],
    [RecordType.Recipient, "r@remote.test"],
    [RecordType.Message, ""],
    [RecordType.Normal, "Received: by test"],
    [RecordType.Normal, "Subject: hello"],
    [RecordType.Normal, ""],
    [RecordType.Normal, "text"],
    [RecordType.Extracted, ""],
    [RecordType.End, ""],
  ];
  for (const [type, text] of records) appendTextRecord(out, type, text);
  await message.write(out.view());
  assert.equal((await message.finish()).status, 0);
  return message.queueId;
}

function target(queueId: string, sender: string, flags = 0): BounceTarget {
  return {
    flags,
    queueName: "incoming",
    queueId,
    encoding: "",
    sendopts: 0,
    sender,
    envelopeId: "",
    returnFlags: 0,
  };
}

function contentOf(queue: Queue, id: string): string[] {
  const { contentOffset } = queue.readEnvelope("incoming", id);
  const reader = queue.openContent("incoming", id, contentOffset);
  const lines: string[] = [];
  while (reader.next()) lines.push(decodeText(reader.bytes.subarray(reader.start, reader.end)));
  reader.close();
  return lines;
}

function setUp(cleanup: TestCleanup, service: CleanupService = cleanup.service) {
  for (const log of ["bounce", "defer", "trace"]) Deno.mkdirSync(`${cleanup.directory}/${log}`);
  const sink = memorySink();
  const { config, queue } = cleanup;
  return {
    bounce: createBounce({ config, queue, cleanup: service, log: new Logger(sink, "postfix/bounce") }),
    sink,
  };
}

Deno.test("bounce: a notice is a complete message in the queue, and then the log is gone", async () => {
  using cleanup = testCleanup();
  const { bounce, sink } = setUp(cleanup);
  const id = await submit(cleanup, "alice@example.com");
  await bounce.append("bounce", id, 0, recipient, "failed", REASON);
  await bounce.flush("bounce", target(id, "alice@example.com"));
  const notice = /^\w+: sender non-delivery notification: (\w+)$/.exec(sink.lines()[0]!)![1]!;
  assert.deepEqual(sink.lines(), [`${id}: sender non-delivery notification: ${notice}`]);
  const envelope = cleanup.queue.readEnvelope("incoming", notice);
  assert.equal(envelope.sender, "");
  assert.deepEqual(envelope.recipients.map((each) => each.address), ["alice@example.com"]);
  assert.equal(envelope.attributes.get("log_message_origin"), "local");
  const content = contentOf(cleanup.queue, notice);
  for (
    const line of [
      "From: Mail Delivery System <MAILER-DAEMON@example.com>",
      "<r@remote.test>: nobody here",
      "Final-Recipient: rfc822; r@remote.test",
      `X-Postfix-Queue-ID: ${id}`,
      "Subject: hello",
      "text",
    ]
  ) assert.ok(content.includes(line), line);
  assert.equal(cleanup.queue.hasLog("bounce", id), false);
});

Deno.test("bounce: the log stays when the notice can't be queued, unless nobody asks again", async () => {
  using cleanup = testCleanup();
  const full: CleanupService = {
    begin() {
      throw new Deno.errors.PermissionDenied("no room");
    },
  };
  const { bounce } = setUp(cleanup, full);
  const id = await submit(cleanup, "alice@example.com");
  await bounce.append("bounce", id, 0, recipient, "failed", REASON);
  await assert.rejects(bounce.flush("bounce", target(id, "alice@example.com")));
  assert.equal(cleanup.queue.readLog("bounce", id).length, 1);
  await assert.rejects(bounce.flush("bounce", target(id, "alice@example.com", BounceFlag.Clean)));
  assert.equal(cleanup.queue.hasLog("bounce", id), false);
});

Deno.test("bounce: what a refusing cleanup service says is in the error", async () => {
  using cleanup = testCleanup();
  const refusing: CleanupService = {
    begin: () => ({
      queueId: "X",
      write() {},
      finish: () => Promise.resolve({ status: 4, reason: "message file too big" }),
      abort() {},
    }),
  };
  const { bounce } = setUp(cleanup, refusing);
  const id = await submit(cleanup, "alice@example.com");
  await assert.rejects(
    bounce.one(target(id, "alice@example.com"), recipient, REASON),
    /status 4 message file too big/,
  );
});

Deno.test("bounce: expired recipients are marked as done when their notice is on disk", async () => {
  using cleanup = testCleanup();
  const { bounce } = setUp(cleanup);
  const id = await submit(cleanup, "alice@example.com");
  const [pending] = cleanup.queue.readEnvelope("incoming", id).recipients;
  await bounce.append("defer", id, 0, pending!, "delayed", { status: "4.0.0", reason: "busy" });
  await bounce.flush("defer", target(id, "alice@example.com", BounceFlag.MarkDone));
  const after = cleanup.queue.readEnvelope("incoming", id);
  assert.deepEqual([after.recipients.length, after.doneCount], [0, 1]);
  assert.equal(cleanup.queue.hasLog("defer", id), false);
});
