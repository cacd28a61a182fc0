/** Real Postfix's own programs on a running instance that speaks their release's wire form. */
import assert from "node:assert/strict";
import process from "node:process";
import { type Ran, runProgram } from "../../core/system/run_testing.ts";
import { startInstance, type TestInstance } from "../master/testing.ts";
import { queued, send, until } from "./testing.ts";

const options = { sanitizeOps: false, sanitizeResources: false };

function installed(path: string): boolean {
  try {
    return !Deno.realPathSync(path).includes("postel") && Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
const READY = process.geteuid?.() === 0 && installed("/usr/sbin/postqueue") &&
  installed("/usr/sbin/postdrop");

function real(instance: TestInstance, program: string, args: string[], input = ""): Promise<Ran> {
  return runProgram(`/usr/sbin/${program}`, args, { env: { MAIL_CONFIG: instance.etc }, input });
}

Deno.test({
  name: "Postfix's sendmail, postqueue, postcat, postsuper and postkick work on the running daemon",
  ignore: !READY,
  ...options,
  async fn() {
    await using instance = await startInstance({
      processes: true,
      main: ["postel_wire_level = 3.7", "defer_transports = smtp", "compatibility_level = 3.6"],
    });
    const { id } = await send(instance.port, ["user@elsewhere.example"]);
    const handed = await real(
      instance,
      "sendmail",
      ["-f", "me@example.org", "other@elsewhere.example"],
      "Subject: handed\n\nIn\n",
    );
    assert.equal(handed.code, 0, handed.stderr);
    await until("both deferred", () => queued(instance, "deferred").length === 2);
    const list = await real(instance, "postqueue", ["-p"]);
    assert.equal(list.code, 0, list.stderr);
    assert.match(list.stdout, new RegExp(`^${id} .* sender@example\\.org\\n.*deferred transport`, "m"));
    assert.match(list.stdout, /-- \d+ Kbytes in 2 Requests\./);
    const json = await real(instance, "postqueue", ["-j"]);
    const entries = json.stdout.trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(entries.map((entry) => entry.queue_name), ["deferred", "deferred"]);
    const content = await real(instance, "postcat", ["-q", id]);
    assert.equal(content.code, 0, content.stderr);
    assert.match(content.stdout, /^sender: sender@example\.org$/m);
    assert.match(content.stdout, /^Subject: test$/m);
    assert.equal((await real(instance, "postsuper", ["-h", id])).code, 0);
    assert.deepEqual(queued(instance, "hold"), [id]);
    assert.equal((await real(instance, "postsuper", ["-H", id])).code, 0);
    await until("released", () => queued(instance, "hold").length === 0);
    assert.equal((await real(instance, "postsuper", ["-r", "ALL"])).code, 0);
    await instance.logged(/pickup\[\d+\]: /);
    Deno.writeTextFileSync(
      `${instance.etc}/main.cf`,
      Deno.readTextFileSync(`${instance.etc}/main.cf`) + "defer_transports =\ndefault_transport = discard:\n",
    );
    instance.reload();
    await instance.logged(/reload -- version/);
    assert.equal((await real(instance, "postqueue", ["-f"])).code, 0);
    await until(
      "all sent",
      () =>
        ["maildrop", "incoming", "active", "deferred"].every((name) => queued(instance, name).length === 0),
    );
    assert.match((await real(instance, "sendmail", ["-bp"])).stdout, /Mail queue is empty/);
    assert.equal((await real(instance, "postsuper", ["-d", "ALL"])).code, 0);
    assert.equal((await real(instance, "postkick", ["public", "qmgr", "D"])).code, 0);
  },
});
