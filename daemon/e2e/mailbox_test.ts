/** Local mailboxes as their users, and LMTP over a UNIX socket. */
import assert from "node:assert/strict";
import process from "node:process";
import { startInstance } from "../master/testing.ts";
import { startFakeServer } from "../smtp/testing.ts";
import { queued, send, until } from "./testing.ts";

const ROOT = process.geteuid?.() === 0;
const options = { sanitizeOps: false, sanitizeResources: false };

/** A user with an id above the system's own and a home directory, of the system's files; undefined if there is none. */
function someUser(): { name: string; uid: number; gid: number; home: string } | undefined {
  for (const line of Deno.readTextFileSync("/etc/passwd").split("\n")) {
    const [name = "", , uid, gid, , home = ""] = line.split(":");
    if (Number(uid) < 1000 || Number(uid) > 60000) continue;
    try {
      if (Deno.statSync(home).uid === Number(uid)) return { name, uid: Number(uid), gid: Number(gid), home };
    } catch {
      // No home directory.
    }
  }
}
const user = ROOT ? someUser() : undefined;

Deno.test({
  name: "mbox and Maildir in mail_spool_directory: files of the recipient, with the recipient's rights",
  ignore: user === undefined,
  ...options,
  async fn() {
    const { name, uid } = user!;
    const mail = Deno.makeTempDirSync({ prefix: "postel-mail-" });
    Deno.chmodSync(mail, 0o1777);
    await using instance = await startInstance({
      processes: true,
      main: [`mail_spool_directory = ${mail}`, "local_recipient_maps = unix:passwd.byname"],
    });
    const first = await send(instance.port, [`${name}@example.com`], {
      text: "Subject: one\r\n\r\nFrom the start\r\n.. dot",
    });
    await instance.logged(
      new RegExp(
        `local\\[\\d+\\]: ${first.id}: to=<${name}@example\\.com>, relay=local, .*status=sent \\(delivered to mailbox\\)`,
      ),
    );
    const file = Deno.statSync(`${mail}/${name}`);
    assert.equal(file.uid, uid);
    assert.equal(file.mode! & 0o777, 0o600);
    const text = Deno.readTextFileSync(`${mail}/${name}`);
    assert.match(
      text,
      /^From sender@example\.org  ?\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\nReturn-Path: <sender@example\.org>\nX-Original-To: /,
    );
    assert.match(text, /\n\n>From the start\n\. dot\n\n$/);
    // Somebody else's dot lock: waits, then the message is delivered.
    Deno.writeTextFileSync(`${mail}/${name}.lock`, "");
    const second = await send(instance.port, [`${name}@example.com`]);
    await until("active", () => queued(instance, "active").length + queued(instance, "deferred").length > 0);
    Deno.removeSync(`${mail}/${name}.lock`);
    await instance.logged(
      new RegExp(`${second.id}: (to=.*status=sent \\(delivered to mailbox\\)|to=.*status=deferred)`),
    );
    // Maildir by a slash at the end.
    Deno.writeTextFileSync(
      `${instance.etc}/main.cf`,
      Deno.readTextFileSync(`${instance.etc}/main.cf`) + `mail_spool_directory = ${mail}/md/\n`,
    );
    Deno.mkdirSync(`${mail}/md`);
    Deno.chmodSync(`${mail}/md`, 0o1777);
    instance.reload();
    await instance.logged(/reload -- version/);
    await until("delivered to maildir", async () => {
      await send(instance.port, [`${name}@example.com`]);
      return /delivered to maildir/.test(instance.log());
    });
    const [entry] = [...Deno.readDirSync(`${mail}/md/${name}/new`)];
    assert.equal(Deno.statSync(`${mail}/md/${name}/new/${entry!.name}`).uid, uid);
    assert.equal(Deno.statSync(`${mail}/md/${name}/new/${entry!.name}`).mode! & 0o777, 0o600);
    assert.match(
      (await send(instance.port, ["no-such-user@example.com"])).reply,
      /^550 5\.1\.1 .*User unknown in local recipient table/,
    );
    await instance.stop();
    Deno.removeSync(mail, { recursive: true });
  },
});

Deno.test({
  name: "lmtp over a UNIX socket: one answer for each recipient",
  ...options,
  async fn() {
    const directory = Deno.makeTempDirSync({ prefix: "postel-test-" });
    const path = `${directory}/lmtp.sock`;
    await using _server = startFakeServer({
      path,
      lmtp: true,
      on: { ".": ["250 2.1.5 stored", "452 4.2.2 full", "550 5.2.1 closed"] },
    });
    await using instance = await startInstance({
      directory,
      main: [
        `mailbox_transport = lmtp:unix:${path}`,
        `virtual_transport = lmtp:unix:${path}`,
        "virtual_mailbox_domains = v.example",
        "virtual_mailbox_maps = static:x",
      ],
    });
    const { id } = await send(instance.port, ["a@v.example", "b@v.example", "c@v.example"]);
    const relay = `relay=mx\\.example\\.com\\[${path.replaceAll(".", "\\.")}\\]`;
    await instance.logged(
      new RegExp(
        `lmtp\\[\\d+\\]: ${id}: to=<a@v\\.example>, ${relay}, .*status=sent \\(250 2\\.1\\.5 stored\\)`,
      ),
    );
    await instance.logged(
      new RegExp(
        `${id}: to=<b@v\\.example>, ${relay}, .*dsn=4\\.2\\.2, status=deferred \\(host mx\\.example\\.com\\[.*\\] said: 452 4\\.2\\.2 full \\(in reply to end of DATA command\\)\\)`,
      ),
    );
    await instance.logged(new RegExp(`${id}: to=<c@v\\.example>, .*dsn=5\\.2\\.1, status=bounced`));
  },
});
