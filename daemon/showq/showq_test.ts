import assert from "node:assert/strict";
import { connect } from "node:net";
import { configFromText } from "../../core/config/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import {
  appendRecord,
  appendTextRecord,
  type ListedMessage,
  MessageCollector,
  type Queue,
  RecordType,
} from "../../core/queue/mod.ts";
import { memoryQueue } from "../../core/queue/testing.ts";
import { ByteBuffer } from "../../core/bytes/mod.ts";
import { createShowq, listenForUsers, ListingError, ListingReader, userAccess } from "./mod.ts";
import { randomNumbers } from "../../testdata/random.ts";

async function submit(queue: Queue, sender: string, recipients: readonly string[]): Promise<string> {
  const writer = queue.create("maildrop");
  const buffer = new ByteBuffer();
  appendTextRecord(buffer, RecordType.Time, "1795228776 897284");
  appendTextRecord(buffer, RecordType.Sender, sender);
  for (const recipient of recipients) appendTextRecord(buffer, RecordType.Recipient, recipient);
  appendRecord(buffer, RecordType.Message, new Uint8Array(0));
  appendTextRecord(buffer, RecordType.Normal, "Subject: x");
  appendRecord(buffer, RecordType.Extracted, new Uint8Array(0));
  appendRecord(buffer, RecordType.End, new Uint8Array(0));
  writer.append(buffer.view());
  await writer.commit();
  return writer.id;
}

async function listing(queue: Queue, mainCf: string): Promise<Uint8Array> {
  const pieces: number[] = [];
  const log = new Logger(memorySink(), "postfix/showq");
  await createShowq({ queue, config: configFromText(mainCf), log }).serve({
    write(bytes) {
      pieces.push(...bytes);
      return Promise.resolve(bytes.length);
    },
  });
  return Uint8Array.from(pieces);
}

function parse(bytes: Uint8Array, step: number): ListedMessage[] {
  const messages = new MessageCollector();
  const reader = new ListingReader(messages);
  for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
  assert.ok(reader.done);
  return messages.take();
}

async function sampleQueue(): Promise<{ queue: Queue; id: string }> {
  const queue = memoryQueue();
  const id = await submit(queue, "", ["bob@example.org", "a b@example.net", "büro@example.org"]);
  queue.move(id, "maildrop", "deferred");
  queue.setMode("deferred", id, 0o710);
  const base = { dsnOriginal: "", notify: 0, offset: -1 };
  await queue.appendLog("defer", id, {
    recipient: { address: "bob@example.org", original: "old@example.org", ...base },
    action: "delayed",
    status: "4.4.1",
    reason: "connect to mx: Connection refused",
  });
  await queue.appendLog("bounce", id, {
    recipient: { address: "gone@example.org", original: "gone@example.org", ...base },
    action: "failed",
    status: "5.1.1",
    reason: "unknown user",
  });
  return { queue, id };
}

Deno.test("showq: the listing of Postfix 3.11 arrives whole, however it is cut", async () => {
  const { queue, id } = await sampleQueue();
  const bytes = await listing(queue, "postel_wire_level = 3.11\n");
  const expected = {
    queue: "deferred",
    id,
    time: 1795228776,
    size: queue.stat("deferred", id)!.size,
    forcedExpire: true,
    sender: "MAILER-DAEMON",
    recipients: [
      {
        original: "old@example.org",
        address: "bob@example.org",
        log: "defer",
        reason: "connect to mx: Connection refused",
      },
      { original: "gone@example.org", address: "gone@example.org", log: "bounce", reason: "unknown user" },
      { original: '"a b"@example.net', address: '"a b"@example.net', log: "", reason: "" },
      { original: "büro@example.org", address: "büro@example.org", log: "", reason: "" },
    ],
  };
  for (const step of [1, 7, 64, 100000]) assert.deepEqual(parse(bytes, step), [expected]);
});

Deno.test("showq: the listing of Postfix 3.7 has neither bounces nor original addresses", async () => {
  const { queue } = await sampleQueue();
  const bytes = await listing(queue, "postel_wire_level = 3.7\n");
  const text = new TextDecoder().decode(bytes);
  assert.ok(text.startsWith("protocol\0mail_queue_list_protocol\0\0queue_name\0deferred\0"));
  assert.ok(text.endsWith("\0\0\0"));
  assert.ok(!text.includes("original_recipient"));
  const [message] = parse(bytes, 50);
  assert.deepEqual(
    message?.recipients.map(({ address }) => address),
    ["bob@example.org", '"a b"@example.net', "büro@example.org"],
  );
  assert.equal(message?.recipients[0]?.log, "defer");
});

Deno.test("showq: an empty queue is an empty list, other answers are refused", async () => {
  assert.deepEqual(parse(await listing(memoryQueue(), ""), 10), []);
  const refuse = (text: string) => () =>
    new ListingReader(new MessageCollector()).push(new TextEncoder().encode(text));
  assert.throws(refuse("protocol\0other\0\0"), ListingError);
  assert.throws(refuse("protocol\0mail_queue_list_protocol\0\0queue_id\0X\0\0"), ListingError);
  assert.throws(refuse("protocol\0mail_queue_list_protocol\0\0queue_name\0/etc\0\0"), ListingError);
  assert.throws(refuse("x".repeat(300_000)), ListingError);
});

Deno.test("showq: hostile answers only ever give a ListingError (fixed seed)", () => {
  const random = randomNumbers(5);
  const words = ["queue_name", "deferred", "queue_id", "A1", "time", "1", "size", "-1", "forced_expire", "0"];
  words.push("sender", "recipient", "original_recipient", "log_class", "reason", "", "x", "\udc80");
  for (let round = 0; round < 3000; round++) {
    let text = random(4) === 0 ? "" : "protocol\0mail_queue_list_protocol\0\0";
    for (let count = random(30); count > 0; count--) text += words[random(words.length)] + "\0";
    const reader = new ListingReader(new MessageCollector());
    try {
      reader.push(new TextEncoder().encode(text));
    } catch (error) {
      assert.ok(error instanceof ListingError, String(error));
    }
  }
});

Deno.test("listenForUsers: the kernel's word decides who is served", async () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/showq`;
  const sink = memorySink();
  let allow = true;
  const server = await listenForUsers({
    path,
    allowed: (uid) => allow && uid === Deno.uid(),
    async serve(connection) {
      const buffer = new Uint8Array(10);
      const count = await connection.read(buffer);
      await connection.write(buffer.subarray(0, count ?? 0));
    },
    log: new Logger(sink, "postfix/showq"),
    idleTimeout: 10,
  });
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o666);
  const ask = () =>
    new Promise<string>((resolve, reject) => {
      let answer = "";
      const socket = connect(path, () => socket.write("hello"));
      socket.on("data", (data) => answer += data.toString());
      socket.on("end", () => resolve(answer)).on("error", reject);
    });
  assert.equal(await ask(), "hello");
  allow = false;
  assert.equal(await ask(), "");
  assert.match(sink.lines().join("\n"), /is not authorized/);
  await server.close();
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("userAccess: root and the mail system's user always, others as listed", async () => {
  const log = new Logger(memorySink(), "x");
  const config = configFromText("authorized_mailq_users = !daemon, static:anyone\nmail_owner = nobody\n");
  const list = "authorized_mailq_users";
  assert.ok((await userAccess(config, list, 0, log)).allowed);
  assert.deepEqual(await userAccess(config, list, 1, log), { allowed: false, name: "daemon" });
  assert.ok((await userAccess(config, list, 2, log)).allowed);
  assert.deepEqual(await userAccess(configFromText(`${list} = bob\n`), list, 54321, log), {
    allowed: false,
    name: "unknown",
  });
});
