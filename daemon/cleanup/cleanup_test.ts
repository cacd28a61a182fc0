import assert from "node:assert/strict";
import { ByteBuffer, decodeText } from "../../core/bytes/mod.ts";
import { AttributeReader, AttributeWriter } from "../../core/ipc/mod.ts";
import { appendTextRecord, type Queue, QueueFileError, readRecords } from "../../core/queue/mod.ts";
import { DeliveryFlag, SendOption } from "../delivery/types.ts";
import { CleanupFlag, CleanupStatus, createCleanup, createCleanupClient, serveCleanup } from "./mod.ts";
import { receiveOverride, statusDetail } from "./mod.ts";
import { type TestCleanup, testCleanup } from "./testing.ts";
import { randomNumbers } from "../../testdata/random.ts";

const ALL = CleanupFlag.Filter | CleanupFlag.Bcc | CleanupFlag.Map;
const MESSAGE = ["T1795229040 1", "Salice", "Rbob", "M", "NReceived: x", "NTo: bob", "N", "Nbody", "X", "E"];

function records(...list: string[]): Uint8Array<ArrayBuffer> {
  const out = new ByteBuffer();
  for (const record of list) appendTextRecord(out, record.charCodeAt(0), record.slice(1));
  return out.toBytes();
}

function fileOf(cleanup: TestCleanup, id: string): Uint8Array {
  return Deno.readFileSync(cleanup.queue.path("incoming", id));
}

Deno.test("cleanup: what is handed to the queue manager is what stands in the file", async () => {
  using cleanup = testCleanup();
  const message = cleanup.service.begin(ALL);
  await message.write(records(...MESSAGE));
  assert.deepEqual(await message.finish(), { status: 0, reason: "" });
  const [queued] = cleanup.queued;
  const file = fileOf(cleanup, message.queueId);
  assert.deepEqual(file.subarray(0, queued!.head.length), queued!.head);
  assert.deepEqual(file.subarray(queued!.tailOffset), queued!.tail);
  const envelope = cleanup.queue.readEnvelope("incoming", message.queueId);
  assert.equal(envelope.contentOffset, queued!.head.length);
  assert.equal(envelope.contentSize, queued!.tailOffset - queued!.head.length);
  assert.deepEqual(envelope.recipients.map(({ address }) => address), ["bob@example.com"]);
  assert.equal(file[envelope.recipients[0]!.offset], "R".charCodeAt(0));
  assert.equal(Deno.statSync(cleanup.queue.path("incoming", message.queueId)).mode! & 0o777, 0o700);
});

Deno.test("cleanup: chunks of any size give the same file", async () => {
  using cleanup = testCleanup();
  const one = records(...MESSAGE);
  const results: string[] = [];
  for (
    const chunks of [
      [one],
      [...readRecords(one)].map(({ type, data }) => {
        const out = new ByteBuffer();
        appendTextRecord(out, type, decodeText(data));
        return out.toBytes();
      }),
    ]
  ) {
    const message = cleanup.service.begin(ALL);
    for (const chunk of chunks) await message.write(chunk);
    assert.equal((await message.finish()).status, 0);
    results.push(
      [...readRecords(fileOf(cleanup, message.queueId))].map(({ type, data }) =>
        String.fromCharCode(type) + decodeText(data)
      ).join("\n").replaceAll(message.queueId, "ID").replace(/<\d{14}\./g, "<TIME.").replace(
        /create_time=\d+/,
        "",
      ).replace(/^C.*$/m, ""),
    );
  }
  assert.equal(results[0], results[1]);
});

Deno.test("cleanup: no client's bytes bring it down or leave a file behind (fixed seed)", async () => {
  using cleanup = testCleanup({ header_checks: "regexp:@DIR@/h", message_size_limit: "20000" });
  Deno.writeTextFileSync(`${cleanup.directory}/h`, "/^X-Reject/ REJECT\n/^X-Drop/ IGNORE\n");
  const random = randomNumbers(99);
  const pieces = [
    ...MESSAGE,
    "Anotify_flags=3",
    "Adsn_orig_rcpt=rfc822;x",
    "A=",
    "Aencoding=8bit",
    "Oold",
    "NX-Reject: x",
    "NX-Drop: y",
    "NContent-Type: multipart/mixed; boundary=b",
    "N--b",
    "Lpiece",
    "W1",
    "V+=",
    "f4",
    "m0",
    "p0",
    "R\0\r\n",
    "NTo: \0, <, (, \\",
    "S<>",
  ];
  for (let round = 0; round < 600; round++) {
    const list = random(2) === 0
      ? MESSAGE.flatMap((record) => random(5) === 0 ? [pieces[random(pieces.length)]!, record] : [record])
      : Array.from({ length: random(20) }, () => pieces[random(pieces.length)]!);
    const bytes = records(...list);
    for (let flips = random(3); flips > 0 && bytes.length > 0; flips--) {
      bytes[random(bytes.length)] = random(256);
    }
    const message = cleanup.service.begin([ALL, ALL | CleanupFlag.Bounce, 0, 0x3ff][random(4)]!);
    await message.write(bytes);
    const { status } = await message.finish();
    assert.ok(Number.isInteger(status) && status >= 0);
    const files = [...cleanup.queue.scan("incoming"), ...cleanup.queue.scan("hold")];
    // What was accepted is a file that reads back, or was bounced or discarded; what was refused is gone.
    if (status !== 0) assert.deepEqual(files, [], list.join(" "));
    for (const id of files) {
      const queue = [...cleanup.queue.scan("hold")].includes(id) ? "hold" : "incoming";
      assert.ok(cleanup.queue.readEnvelope(queue, id).recipientCount > 0);
      cleanup.queue.remove(queue, id);
    }
  }
  assert.deepEqual(cleanup.lines().filter((line) => line.includes("unexpected failure")), []);
});

Deno.test("cleanup: a file that can't be written is a temporary failure, with a line in the log", async () => {
  using cleanup = testCleanup();
  const writer = cleanup.queue.create("incoming");
  const queue: Pick<Queue, "create"> = {
    create: () => ({
      ...writer,
      id: writer.id,
      created: writer.created,
      offset: 0,
      append() {},
      overwrite() {},
      flush() {},
      commit: () => Promise.reject(new QueueFileError("No space left on device", "io")),
      discard: () => writer.discard(),
    }),
  };
  const { rewriting } = cleanup;
  const message = createCleanup({ ...cleanup, queue, rewriting }).begin(ALL);
  await message.write(records(...MESSAGE));
  assert.deepEqual(await message.finish(), { status: CleanupStatus.Write, reason: "" });
  assert.ok(cleanup.lines().some((line) => line.includes("No space left on device")));
  writer.discard();
});

Deno.test("cleanup: a table that can't answer defers the message", async () => {
  for (const parameter of ["virtual_alias_maps", "canonical_maps", "header_checks", "recipient_bcc_maps"]) {
    using cleanup = testCleanup({ [parameter]: "fail:broken" });
    const message = cleanup.service.begin(ALL);
    await message.write(records(...MESSAGE));
    const { status } = await message.finish();
    assert.equal(status, CleanupStatus.Write, `${parameter}: ${cleanup.lines().join("\n")}`);
  }
});

Deno.test("cleanup: bad local mail is sent back, cut short if it is too big", async () => {
  using cleanup = testCleanup({ message_size_limit: "1000" });
  const message = cleanup.service.begin(ALL | CleanupFlag.Bounce);
  await message.write(records(...MESSAGE.slice(0, 7), ...Array(40).fill("N" + "x".repeat(60)), "X", "E"));
  assert.equal((await message.finish()).status, 0);
  assert.deepEqual(cleanup.bounced, [
    "append bob@example.com 5.3.4 message file too big",
    "flush alice@example.com",
  ]);
  assert.deepEqual([...cleanup.queue.scan("incoming")], []);
});

Deno.test("cleanup: a probe of an alias for several addresses is answered at once, and goes nowhere", async () => {
  using cleanup = testCleanup({
    virtual_alias_maps: "inline:{{team@list.test=a@x.test, b@x.test}, {one@list.test=a@x.test}}",
  });
  const answers: string[] = [];
  const service = createCleanup({
    ...cleanup,
    deliverable: (address, reason) => {
      answers.push(`${address}: ${reason}`);
      return Promise.resolve();
    },
  });
  const send = async (recipient: string, flags: number) => {
    const message = service.begin(CleanupFlag.Map);
    const [time, sender, , ...rest] = MESSAGE;
    await message.write(records(time!, `Atrace_flags=${flags}`, sender!, `R${recipient}`, ...rest));
    assert.equal((await message.finish()).status, 0);
    return [...cleanup.queue.scan("incoming")].length;
  };
  assert.equal(await send("team@list.test", DeliveryFlag.ProbeMta), 0);
  assert.deepEqual(answers, ["team@list.test: aliased to multiple recipients"]);
  assert.match(
    cleanup.lines().join("\n"),
    /: to=<team@list\.test>, relay=none, .*dsn=2\.0\.0, status=deliverable \(aliased to multiple recipients\)$/m,
  );
  assert.equal(await send("one@list.test", DeliveryFlag.ProbeMta), 1);
  assert.equal(await send("team@list.test", 0), 2);
  assert.equal(answers.length, 1);
});

Deno.test("cleanup: a client that goes away leaves nothing", () => {
  using cleanup = testCleanup();
  const message = cleanup.service.begin(ALL);
  message.abort();
  message.abort();
  assert.deepEqual([...cleanup.queue.scan("incoming")], []);
});

async function served(cleanup: TestCleanup): Promise<{ path: string; stop: () => Promise<void> }> {
  const path = `${cleanup.directory}/socket`;
  const listener = Deno.listen({ transport: "unix", path });
  const running = (async () => {
    for await (const connection of listener) {
      await serveCleanup(connection, cleanup.service).catch(() => {});
      connection.close();
    }
  })();
  await Promise.resolve();
  return {
    path,
    async stop() {
      listener.close();
      await running.catch(() => {});
    },
  };
}

Deno.test("cleanup protocol: client and server", async () => {
  using cleanup = testCleanup();
  const { path, stop } = await served(cleanup);
  const message = await createCleanupClient(path).begin(ALL);
  const bytes = records(...MESSAGE.slice(0, 8), ...Array(5000).fill("Nline"), "X", "E");
  for (let at = 0; at < bytes.length; at += 777) await message.write(bytes.subarray(at, at + 777));
  assert.deepEqual(await message.finish(), { status: 0, reason: "" });
  assert.deepEqual([...cleanup.queue.scan("incoming")], [message.queueId]);
  const refused = await createCleanupClient(path).begin(ALL);
  await refused.write(records("Rbob", "E"));
  assert.equal((await refused.finish()).status, CleanupStatus.Bad);
  await stop();
});

Deno.test("cleanup protocol: half a conversation leaves nothing behind", async () => {
  using cleanup = testCleanup();
  const { path, stop } = await served(cleanup);
  const flags = new AttributeWriter().integer("flags", ALL).end().view();
  const whole = records(...MESSAGE);
  const inputs = [
    new Uint8Array(0),
    new TextEncoder().encode("nonsense\0\0"),
    flags,
    Uint8Array.of(...flags, ...whole.subarray(0, 30)),
    Uint8Array.of(...flags, ...whole.subarray(0, whole.length - 2)),
    Uint8Array.of(...flags, 0x4e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
  ];
  for (const input of inputs) {
    const connection = await Deno.connect({ transport: "unix", path });
    await new AttributeReader(connection).rest();
    if (input.length > 0) await connection.write(input);
    connection.closeWrite();
    while (await connection.read(new Uint8Array(1000)) !== null);
    connection.close();
  }
  assert.deepEqual([...cleanup.queue.scan("incoming")], []);
  await stop();
});

Deno.test("statusDetail and receiveOverride", () => {
  assert.equal(statusDetail(CleanupStatus.Size).text, "message file too big");
  assert.equal(statusDetail(CleanupStatus.Size | CleanupStatus.Bad).code, 451);
  using cleanup = testCleanup({ receive_override_options: "no_header_body_checks, no_address_mappings" });
  assert.equal(receiveOverride(cleanup.config, 0x73), 0x41);
});

Deno.test("cleanup: REQUIRETLS comes as a flag or, back from a content filter, as a header", async () => {
  const run = async (settings: Record<string, string>, flags: number, ...headers: string[]) => {
    using cleanup = testCleanup(settings);
    const message = cleanup.service.begin(ALL | flags);
    await message.write(records(...MESSAGE.flatMap((each) => each === "N" ? [...headers, each] : [each])));
    assert.deepEqual(await message.finish(), { status: 0, reason: "" });
    const { sendopts } = cleanup.queue.readEnvelope("incoming", message.queueId);
    return {
      sendopts,
      headers: decodeText(fileOf(cleanup, message.queueId)).split("Require-TLS-ESMTP:").length - 1,
    };
  };
  const yes = "NRequire-TLS-ESMTP: yes";
  const { RequireTls } = SendOption;
  assert.deepEqual(await run({}, CleanupFlag.RequireTls), { sendopts: RequireTls, headers: 1 });
  assert.deepEqual(await run({}, 0, yes), { sendopts: RequireTls, headers: 1 });
  assert.deepEqual(await run({}, 0, "NRequire-TLS-ESMTP: no"), { sendopts: 0, headers: 1 });
  assert.deepEqual(await run({ requiretls_esmtp_header: "no" }, 0, yes), { sendopts: 0, headers: 1 });
  assert.deepEqual(await run({ requiretls_esmtp_header: "no" }, CleanupFlag.RequireTls), {
    sendopts: RequireTls,
    headers: 0,
  });
  assert.deepEqual(await run({ requiretls_enable: "no" }, 0, yes), { sendopts: 0, headers: 1 });
});
