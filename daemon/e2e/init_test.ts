/** A private instance, made and run as its own commands say. */
import assert from "node:assert/strict";
import process from "node:process";
import { freePort } from "../master/testing.ts";
import { createInstance } from "../master/instance.ts";
import { until } from "./testing.ts";

async function run(program: string, args: string[], input = ""): Promise<void> {
  const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stderr } = await child.output();
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

Deno.test({
  name: "an instance that init makes checks, starts, delivers and stops, for root too",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const base = Deno.makeTempDirSync({ prefix: "postel-test-" });
    // Root's instance is passed through by the users that its processes become.
    if (process.geteuid?.() === 0) Deno.chmodSync(base, 0o755);
    const directory = `${base}/a/b`;
    createInstance(directory, { smtp: freePort(), submission: freePort() });
    const command = (name: string) => `${directory}/bin/${name}`;
    await run(command("postfix"), ["check"]);
    await run(command("postfix"), ["start"]);
    try {
      await run(command("sendmail"), ["you@localhost"], "Subject: hi\n\nHello\n");
      const mailbox = `${directory}/mail/you/new`;
      await until("the message in its mailbox", () => {
        try {
          return [...Deno.readDirSync(mailbox)].length === 1;
        } catch {
          return false;
        }
      });
    } finally {
      await run(command("postfix"), ["stop"]);
    }
    Deno.removeSync(base, { recursive: true });
  },
});
