import assert from "node:assert/strict";
import process from "node:process";
import { ByteBuffer, decodeText, encodeText } from "../core/bytes/mod.ts";
import { AttributeReader } from "../core/ipc/mod.ts";
import { appendTextRecord, readRecords } from "../core/queue/mod.ts";
import { testCleanup } from "../daemon/cleanup/testing.ts";
import { createSubmission } from "../daemon/pickup/mod.ts";
import { command, instance } from "./sendmail_testing.ts";

function records(...list: string[]): Uint8Array<ArrayBuffer> {
  const out = new ByteBuffer();
  for (const record of list) appendTextRecord(out, record.charCodeAt(0), record.slice(1));
  return out.toBytes();
}

const SUBMITTED = ["Arewrite_context=local", "Salice", "Rbob", "M", "NSubject: hi", "X", "E"];

function maildrop(directory: string): string[][] {
  return [...Deno.readDirSync(`${directory}/maildrop`)].map(({ name }) =>
    [...readRecords(Deno.readFileSync(`${directory}/maildrop/${name}`))]
      .map(({ type, data }) => String.fromCharCode(type) + decodeText(data))
  );
}

Deno.test("postdrop: greets, takes the records, answers when the file is in maildrop", async () => {
  const directory = instance({});
  const { code, stdout, stderr } = await command("postdrop", ["-r"], records(...SUBMITTED), {
    MAIL_CONFIG: directory,
  });
  assert.equal(code, 0, stderr);
  const reader = new AttributeReader(encodeText(stdout));
  const greeting = await reader.rest();
  assert.equal(greeting.get("protocol"), "postdrop_protocol");
  assert.deepEqual([await reader.integer("status"), await reader.text("reason")], [0, ""]);
  const [{ name }] = [...Deno.readDirSync(`${directory}/maildrop`)] as [Deno.DirEntry];
  assert.equal(name, greeting.get("queue_id"));
  assert.equal(Deno.statSync(`${directory}/maildrop/${name}`).mode! & 0o777, 0o744);
  assert.deepEqual(maildrop(directory)[0]!.slice(1), SUBMITTED);
  assert.match(maildrop(directory)[0]![0]!, /^T\d+ \d+$/);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("postdrop: input that ends early, or that it must not take, leaves nothing in maildrop", async () => {
  const directory = instance({});
  const run = (...list: string[]) =>
    command("postdrop", ["-r"], records(...list), { MAIL_CONFIG: directory });
  const [early, cut, foreign, long, empty] = await Promise.all([
    run("Salice", "Rbob", "M"),
    command("postdrop", ["-r"], records("Salice", "Rbob", "M").subarray(0, -1), { MAIL_CONFIG: directory }),
    run("Salice", "T1 2", "Rbob", "M", "X", "E"),
    run("Salice", "Rbob", "M", "N" + "x".repeat(3000), "X", "E"),
    run("M", "X", "E"),
  ]);
  assert.equal(early.code, 0);
  assert.doesNotMatch(early.stdout, /status/);
  assert.equal(cut.code, 1);
  assert.match(cut.stderr, /^postdrop: fatal: uid=\d+: malformed input/);
  assert.equal(foreign.code, 1);
  assert.match(foreign.stderr, /^postdrop: fatal: uid=\d+: unexpected record type: 84\n/);
  assert.equal(long.code, 1);
  assert.ok(empty.stdout.endsWith("status\0" + "1\0reason\0\0\0"));
  assert.deepEqual(maildrop(directory), []);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("postdrop: attributes that users may not set are left out with a warning", async () => {
  const directory = instance({});
  const { stderr } = await command(
    "postdrop",
    ["-r"],
    records("Alog_client_name=forged", "Aencoding=8bit", "Atrace_flags=256", ...SUBMITTED),
    { MAIL_CONFIG: directory },
  );
  assert.deepEqual(maildrop(directory)[0]!.slice(1), ["Aencoding=8bit", ...SUBMITTED]);
  assert.match(stderr, /warning: uid=\d+: ignoring attribute record: log_client_name=forged\n/);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("sendmail: without access to maildrop the daemon's socket takes the mail", async () => {
  using cleanup = testCleanup();
  const directory = instance({ queue_directory: cleanup.directory });
  Deno.removeSync(`${cleanup.directory}/maildrop`);
  Deno.mkdirSync(`${cleanup.directory}/postel`);
  const server = await createSubmission({
    path: `${cleanup.directory}/postel/submit`,
    services: () => ({ ...cleanup, cleanup: cleanup.service }),
    log: cleanup.log,
    pickupLog: cleanup.log,
  });
  const { code, stderr } = await command(
    "sendmail",
    ["-f", "alice", "bob"],
    new TextEncoder().encode("Subject: hi\n\n" + "line\n".repeat(50_000)),
    { MAIL_CONFIG: directory },
  );
  assert.equal(code, 0, stderr);
  const [id] = [...cleanup.queue.scan("incoming")];
  assert.ok(cleanup.lines().includes(`${id}: uid=${process.geteuid?.()} from=<alice>`));
  await server.close();
  const refused = await command("sendmail", ["bob"], new Uint8Array(0), { MAIL_CONFIG: directory });
  assert.equal(refused.code, 75);
  assert.match(refused.stderr, /^sendmail: fatal: \S+: mail system is down or not reachable: /);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("postlog: text and lines go to the mail log with tag, priority and process id", async () => {
  const directory = instance({});
  const run = (args: string[], input = "") =>
    command("postlog", args, new TextEncoder().encode(input), { MAIL_CONFIG: directory });
  assert.equal((await run(["-t", "mytag", "-p", "warn", "some", "text"])).code, 0);
  assert.equal((await run(["-i"], "one\ntwo\0cut\n\nlast")).code, 0);
  assert.equal((await run(["-p", "nonsense", "x"])).code, 1);
  const log = Deno.readTextFileSync(`${directory}/log`).replace(/^\w{3} \d\d [\d:]{8} mx /gm, "").replace(
    /\[\d+\]/g,
    "[P]",
  );
  assert.equal(
    log,
    "mytag[P]: warning: some text\n" +
      ["one", "two", "", "last"].map((line) => `postfix/postlog[P]: ${line}\n`).join(""),
  );
  Deno.removeSync(directory, { recursive: true });
});
