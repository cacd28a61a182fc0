/** A private instance, made and run as its own commands say. */
import assert from "node:assert/strict";
import { selfCommand } from "../../core/system/mod.ts";
import { runProgram } from "../../core/system/run_testing.ts";
import { initInstance } from "./private_instance_testing.ts";
import { until } from "./testing.ts";

Deno.test({
  name: "an instance that init makes checks, starts, delivers and stops, for root too",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    using instance = initInstance("a/b");
    await instance.run("postfix", ["check"]);
    await instance.run("postfix", ["start"]);
    try {
      await instance.run("sendmail", ["you@localhost"], "Subject: hi\n\nHello\n");
      const mailbox = `${instance.directory}/mail/you/new`;
      await until("the message in its mailbox", () => {
        try {
          return [...Deno.readDirSync(mailbox)].length === 1;
        } catch {
          return false;
        }
      });
    } finally {
      await instance.run("postfix", ["stop"]);
    }
  },
});

Deno.test("init: other users go through the directories, whatever the umask is", async () => {
  const base = Deno.makeTempDirSync({ prefix: "postel-test-" });
  try {
    Deno.chmodSync(base, 0o755);
    const { program, args } = selfCommand("init", `${base}/a/b`);
    const { code, stderr } = await runProgram("sh", ["-c", 'umask 077; exec "$@"', "sh", program, ...args]);
    assert.equal(code, 0, stderr);
    for (const path of ["a", "a/b", "a/b/etc", "a/b/spool", "a/b/mail"]) {
      assert.equal(Deno.statSync(`${base}/${path}`).mode! & 0o777, 0o755, path);
    }
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
});
