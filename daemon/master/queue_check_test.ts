/** A start that waits for the check of the queue: mail comes in meanwhile, the queue manager starts behind it. */
import assert from "node:assert/strict";
import process from "node:process";
import { lookupUser, selfCommand } from "../../core/system/mod.ts";
import { connectSmtp, startInstance, type TestInstance } from "./testing.ts";
import { QUEUE_CHECK_OPTION, QUEUE_CHECKED } from "./master.ts";

const canSplit = process.geteuid?.() === 0 && lookupUser("postfix") !== undefined;
const options = { sanitizeOps: false, sanitizeResources: false };

/** Starts the daemon again, on the directories of an instance that was stopped. */
function startWaiting(instance: TestInstance, ...mode: string[]): Deno.ChildProcess {
  const { program, args } = selfCommand(
    "daemon",
    "-c",
    instance.etc,
    "--report",
    QUEUE_CHECK_OPTION,
    ...mode,
  );
  return new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "null" }).spawn();
}

async function untilAccepting(port: number): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    try {
      (await connectSmtp(port)).close();
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await new Promise((done) => setTimeout(done, 50));
    }
  }
  throw new Error(`nothing listens on port ${port}`);
}

async function sendOne(port: number): Promise<string> {
  const client = await connectSmtp(port);
  for (const line of ["EHLO client.example", "MAIL FROM:<a@example.net>", "RCPT TO:<b@x.example>", "DATA"]) {
    assert.match(await client.say(line), /^[23]/m);
  }
  const reply = await client.say("Subject: x\r\n\r\ntext\r\n.");
  client.close();
  return /^250 .* queued as (\w+)/.exec(reply)?.[1] ?? assert.fail(reply);
}

Deno.test({
  name: "start: mail is accepted before the queue is checked, and delivered afterwards",
  ...options,
  ignore: !canSplit,
  async fn() {
    await using instance = await startInstance({ processes: true, main: ["default_transport = discard:"] });
    await instance.stop();
    const daemon = startWaiting(instance);
    const drained = daemon.stdout.pipeTo(new WritableStream());
    await untilAccepting(instance.port);
    const id = await sendOne(instance.port);
    assert.ok(Deno.statSync(`${instance.spool}/incoming/${id}`).isFile);
    assert.doesNotMatch(instance.log(), new RegExp(`${id}: .*queue active`));
    const input = daemon.stdin.getWriter();
    await input.write(new TextEncoder().encode(`${QUEUE_CHECKED}\n`));
    for (let tries = 0; !instance.log().includes(`${id}: removed`); tries++) {
      assert.ok(tries < 600, instance.log());
      await new Promise((done) => setTimeout(done, 50));
    }
    daemon.kill("SIGTERM");
    assert.equal((await daemon.status).code, 0);
    await Promise.all([drained, input.close().catch(() => {})]);
  },
});

for (const mode of canSplit ? [[], ["--single-process"]] : [["--single-process"]]) {
  Deno.test({
    name: `start: nothing runs if the check of the queue failed ${mode.join("")}`,
    ...options,
    async fn() {
      await using instance = await startInstance({ processes: mode.length === 0 });
      await instance.stop();
      const daemon = startWaiting(instance, ...mode);
      await daemon.stdin.close();
      const { code, stdout } = await daemon.output();
      assert.equal(code, 1);
      assert.match(new TextDecoder().decode(stdout), /"failed","text":"the check of the queue failed"/);
      assert.match(instance.log(), /master\[\d+\]: fatal: the check of the queue failed/);
      await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: instance.port }));
    },
  });
}
