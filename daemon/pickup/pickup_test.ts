import assert from "node:assert/strict";
import process from "node:process";
import { ByteBuffer, decodeText } from "../../core/bytes/mod.ts";
import { AttributeReader } from "../../core/ipc/mod.ts";
import { appendTextRecord, readRecords } from "../../core/queue/mod.ts";
import { lookupUser } from "../../core/system/mod.ts";
import { testCleanup } from "../cleanup/testing.ts";
import { createPickup, createSubmission } from "./mod.ts";

const uid = process.geteuid?.() ?? 0;

function records(...list: string[]): Uint8Array<ArrayBuffer> {
  const out = new ByteBuffer();
  for (const record of list) appendTextRecord(out, record.charCodeAt(0), record.slice(1));
  return out.toBytes();
}

const SUBMITTED = [
  "Arewrite_context=local",
  "FAl Ice",
  "Salice",
  "Rbob",
  "M",
  "NSubject: hi",
  "N",
  "Nbody",
  "X",
  "E",
];

function queueFile(cleanup: ReturnType<typeof testCleanup>, id: string): string[] {
  return [...readRecords(Deno.readFileSync(cleanup.queue.path("incoming", id)))]
    .map(({ type, data }) => String.fromCharCode(type) + decodeText(data));
}

async function drop(cleanup: ReturnType<typeof testCleanup>, ...list: string[]): Promise<string> {
  const writer = cleanup.queue.create("maildrop");
  writer.append(records(...list));
  await writer.commit("maildrop");
  return writer.id;
}

Deno.test("pickup: a maildrop file becomes a queue file with a Received: header, and is gone", async () => {
  using cleanup = testCleanup();
  await drop(cleanup, "T1795229040 1908", ...SUBMITTED);
  const pickup = createPickup({ ...cleanup, cleanup: cleanup.service });
  await pickup.wake();
  assert.deepEqual([...cleanup.queue.scan("maildrop")], []);
  const [id] = cleanup.queued.map((message) => message.id);
  const file = queueFile(cleanup, id!);
  assert.ok(file.includes("T1795229040 1908"));
  assert.ok(file.includes(`NReceived: by mx.example.com (Postel, from userid ${uid})`), file.join("\n"));
  assert.ok(file.includes("NFrom: Al Ice <alice@example.com>"));
  assert.ok(cleanup.lines().includes(`${id}: uid=${uid} from=<alice>`));
});

Deno.test("pickup: what users may not say is left out, a leading blank does not continue a header", async () => {
  using cleanup = testCleanup({ content_filter: "smtp:[127.0.0.1]:10025" });
  await drop(
    cleanup,
    "Lsmtp:evil",
    ">redirected@evil.example",
    "Salice",
    "Rbob",
    "M",
    "N  begins with blanks",
    "X",
    "Lsmtp:evil",
    "rreceipt@evil.example",
    "Alog_client_name=forged",
    "Anotify_flags=1",
    "Rcarol",
    "E",
  );
  await createPickup({ ...cleanup, cleanup: cleanup.service }).wake();
  const file = queueFile(cleanup, cleanup.queued[0]!.id).join("\n");
  assert.doesNotMatch(file, /evil|forged/);
  assert.match(file, /^C.*\nLsmtp:\[127\.0\.0\.1\]:10025\nT\d+ 0\n/);
  assert.match(file, /\nN\nN {2}begins with blanks\n/);
  assert.match(file, /\nAnotify_flags=1\n.*\nOcarol\nRcarol@example.com\n/);
});

Deno.test("pickup: incomplete files stay, malformed ones go with a warning, odd objects are left alone", async () => {
  using cleanup = testCleanup();
  const writer = cleanup.queue.create("maildrop");
  writer.append(records("Salice"));
  writer.flush();
  await drop(cleanup, "Salice", "Nx", "E");
  await drop(cleanup, "Rbob", "M", "X", "E");
  await drop(cleanup, "Salice", "Rbob", "M", "Nx");
  await drop(cleanup, "Salice", "Rbob", "M", "N" + "x".repeat(3000), "X", "E");
  Deno.mkdirSync(`${cleanup.directory}/maildrop/ADIRECTORY`);
  Deno.symlinkSync("/etc/passwd", `${cleanup.directory}/maildrop/ALINK`);
  await createPickup({ ...cleanup, cleanup: cleanup.service }).wake();
  const left = [...cleanup.queue.scan("maildrop")].filter((id) => id === writer.id);
  assert.deepEqual(left, [writer.id]);
  assert.deepEqual([...cleanup.queue.scan("incoming")], []);
  assert.ok(Deno.lstatSync(`${cleanup.directory}/maildrop/ALINK`).isSymlink);
  const warnings = cleanup.lines().filter((line) => line.startsWith(`warning: uid=${uid}: `)).sort();
  assert.equal(warnings.length, 4, cleanup.lines().join("\n"));
  assert.match(warnings.join("\n"), /unexpected or malformed record type N/);
  assert.match(warnings.join("\n"), /no envelope sender/);
  assert.match(warnings.join("\n"), /unexpected end of file/);
  writer.discard();
});

Deno.test("pickup: mail that cleanup can't take now stays in maildrop", async () => {
  using cleanup = testCleanup({ header_checks: "regexp:@DIR@/checks" });
  Deno.writeTextFileSync(`${cleanup.directory}/checks`, "/^Subject: hi/ REJECT 4.7.1 not now\n");
  const id = await drop(cleanup, ...SUBMITTED);
  await createPickup({ ...cleanup, cleanup: cleanup.service }).wake();
  assert.deepEqual([...cleanup.queue.scan("maildrop")], [id]);
});

Deno.test("pickup: rejected mail goes back to its sender", async () => {
  using cleanup = testCleanup({ header_checks: "regexp:@DIR@/checks" });
  Deno.writeTextFileSync(`${cleanup.directory}/checks`, "/^Subject: hi/ REJECT go away\n");
  await drop(cleanup, ...SUBMITTED);
  await createPickup({ ...cleanup, cleanup: cleanup.service }).wake();
  assert.deepEqual([...cleanup.queue.scan("maildrop")], []);
  assert.deepEqual(cleanup.bounced, ["append bob@example.com 5.7.1 go away", "flush alice@example.com"]);
});

Deno.test("pickup: mail that postsuper put back keeps its arrival time and names its old id", async () => {
  const owner = uid === 0 ? lookupUser("nobody")! : undefined;
  using cleanup = testCleanup(owner === undefined ? {} : { mail_owner: owner.name });
  const id = await drop(cleanup, "C", "T1795229040 1908", "Acreate_time=1", ...SUBMITTED);
  const path = cleanup.queue.path("maildrop", id);
  Deno.chmodSync(path, 0o700);
  if (owner !== undefined) Deno.chownSync(path, owner.uid, owner.gid);
  await createPickup({ ...cleanup, cleanup: cleanup.service }).wake();
  const [queued] = cleanup.queued;
  const owned = owner?.uid ?? uid;
  assert.ok(cleanup.lines().includes(`${queued!.id}: uid=${owned} from=<alice> orig_id=${id}`));
  assert.equal(cleanup.queue.readEnvelope("incoming", queued!.id).arrival.seconds, 1795229040);
});

async function submit(
  path: string,
  bytes: Uint8Array,
): Promise<{ id: string; status: number; reason: string }> {
  const connection = await Deno.connect({ transport: "unix", path });
  const reader = new AttributeReader(connection);
  const id = (await reader.rest()).get("queue_id")!;
  await connection.write(bytes);
  const status = await reader.integer("status");
  const reason = await reader.text("reason");
  connection.close();
  return { id, status, reason };
}

function submissionServer(cleanup: ReturnType<typeof testCleanup>) {
  return createSubmission({
    path: `${cleanup.directory}/submit`,
    services: () => ({ ...cleanup, cleanup: cleanup.service }),
    log: cleanup.log,
    pickupLog: cleanup.log,
  });
}

Deno.test("submission: the status comes when the message is in the queue, under the caller's number", async () => {
  using cleanup = testCleanup();
  const server = await submissionServer(cleanup);
  const { id, status } = await submit(`${cleanup.directory}/submit`, records(...SUBMITTED));
  assert.equal(status, 0);
  assert.ok(queueFile(cleanup, id).includes(`NReceived: by mx.example.com (Postel, from userid ${uid})`));
  assert.ok(cleanup.lines().includes(`${id}: uid=${uid} from=<alice>`));
  await server.close();
});

Deno.test("submission: refused records and senders leave nothing behind", async () => {
  using cleanup = testCleanup({ local_login_sender_maps: "inline:{somebody-else=*}" });
  const server = await submissionServer(cleanup);
  const path = `${cleanup.directory}/submit`;
  const denied = await submit(path, records(...SUBMITTED));
  assert.deepEqual([denied.status, denied.reason], [512, "not authorized to use sender='alice'"]);
  for (
    const broken of [
      ["Salice", "T1 2", "E"],
      ["Salice\nx", "Rbob", "M", "X", "E"],
      ["Salice", "M", "X", "E"],
      ["Salice", "Rbob", "M", "Z", "X", "E"],
    ]
  ) assert.notEqual((await submit(path, records(...broken))).status, 0);
  assert.deepEqual([...cleanup.queue.scan("incoming")], []);
  await server.close();
});
