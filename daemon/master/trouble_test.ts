/** What the mail system must survive around it: a full disk, a spool it may not write, damaged and foreign files. */
import assert from "node:assert/strict";
import process from "node:process";
import { connectSmtp, startInstance, type TestInstance } from "./testing.ts";

const ROOT = process.geteuid?.() === 0;
const options = { sanitizeOps: false, sanitizeResources: false };

/** Says MAIL, RCPT and DATA with a body of `size` bytes; the last reply, or the first that refuses. */
async function trySend(port: number, size: number): Promise<string> {
  const client = await connectSmtp(port);
  try {
    await client.say("EHLO client.example");
    for (const line of ["MAIL FROM:<sender@example.org>", "RCPT TO:<rcpt@relay.example>", "DATA"]) {
      const reply = await client.say(line);
      if (!/^[23]/.test(reply)) return reply;
    }
    const line = "x".repeat(70) + "\r\n";
    return await client.say("Subject: test\r\n\r\n" + line.repeat(Math.ceil(size / line.length)) + ".");
  } finally {
    client.close();
  }
}

function filesIn(instance: TestInstance, queue: string): string[] {
  return [...Deno.readDirSync(`${instance.spool}/${queue}`)].filter((entry) => entry.isFile).map(({ name }) =>
    name
  );
}

async function mounted(directory: string, size: string): Promise<AsyncDisposable> {
  const mount = await new Deno.Command("mount", {
    args: ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", directory],
  }).output();
  if (!mount.success) throw new Error(new TextDecoder().decode(mount.stderr));
  return {
    async [Symbol.asyncDispose]() {
      await new Deno.Command("umount", { args: ["-l", directory] }).output();
    },
  };
}

Deno.test({
  name: "disk full: the sender is told to try later, nothing half-written stays, mail flows again afterwards",
  ignore: !ROOT,
  ...options,
  async fn() {
    const directory = Deno.makeTempDirSync({ prefix: "postel-test-" });
    Deno.mkdirSync(`${directory}/spool`);
    await using _mount = await mounted(`${directory}/spool`, "1m");
    const instance = await startInstance({
      directory,
      main: ["default_transport = discard:", "message_size_limit = 0", "queue_minfree = 0"],
    });
    try {
      assert.match(await trySend(instance.port, 1000), /^250 /);
      await instance.logged(/status=sent/);
      assert.match(await trySend(instance.port, 3_000_000), /^4(52|51) 4\.3\.[01] /);
      await instance.logged(/(queue file write error|No space left)/);
      // The postmaster's notice of it may just be passing through.
      for (let tries = 0; tries < 200 && filesIn(instance, "incoming").length > 0; tries++) {
        await new Promise((done) => setTimeout(done, 50));
      }
      assert.deepEqual(filesIn(instance, "incoming"), []);
      assert.match(await trySend(instance.port, 1000), /^250 /);
      assert.equal(await instance.stop(), 0);
    } finally {
      await instance.kill();
    }
  },
});

Deno.test({
  name: "queue_minfree: MAIL is refused with 452 before the disk is full",
  ...options,
  async fn() {
    await using instance = await startInstance({ main: ["queue_minfree = 100000000000000"] });
    assert.match(await trySend(instance.port, 10), /^452 4\.3\.1 Insufficient system storage/);
    await instance.logged(
      /NOQUEUE: reject: MAIL from localhost\[127\.0\.0\.1\]: 452 4\.3\.1 Insufficient system storage; proto=ESMTP /,
    );
  },
});

Deno.test({
  name: "a spool that can't be written: 451, and the reason in the log",
  ignore: ROOT,
  ...options,
  async fn() {
    await using instance = await startInstance();
    Deno.chmodSync(`${instance.spool}/incoming`, 0o500);
    assert.match(await trySend(instance.port, 10), /^451 4\.3\.0 /);
    await instance.logged(/create a queue file/);
    Deno.chmodSync(`${instance.spool}/incoming`, 0o700);
    assert.match(await trySend(instance.port, 10), /^250 /);
  },
});

Deno.test({
  name: "damaged and foreign files in the queue: moved to corrupt or left alone, and the daemon goes on",
  ...options,
  async fn() {
    await using first = await startInstance({ main: ["relayhost = [127.0.0.1]:1"] });
    for (let n = 0; n < 3; n++) assert.match(await trySend(first.port, 500), /^250 /);
    await first.logged(/(status=deferred[\s\S]*){3}/);
    await first.stop();
    const deferred: string[] = [];
    for (const hash of Deno.readDirSync(`${first.spool}/deferred`)) {
      for (const { name } of Deno.readDirSync(`${first.spool}/deferred/${hash.name}`)) {
        deferred.push(`${first.spool}/deferred/${hash.name}/${name}`);
      }
    }
    assert.equal(deferred.length, 3);
    const [cut, flipped] = deferred as [string, string, string];
    const idOf = (path: string) => path.split("/").at(-1)!;
    Deno.truncateSync(cut, 400);
    const bytes = Deno.readFileSync(flipped);
    // The type of the record behind the first one, which has 97 bytes.
    bytes[97]! ^= 0x20;
    Deno.writeFileSync(flipped, bytes);
    for (const path of [cut, flipped]) Deno.utimeSync(path, 1, 1);
    Deno.writeTextFileSync(`${first.spool}/incoming/not-a-queue-id!`, "left alone");
    Deno.writeTextFileSync(`${first.spool}/incoming/4ABCDEF0123`, "no mail at all", { mode: 0o700 });
    Deno.chmodSync(`${first.spool}/incoming/4ABCDEF0123`, 0o700);
    Deno.mkdirSync(`${first.spool}/incoming/directory`);

    const second = await startInstance({
      directory: first.directory,
      main: ["default_transport = discard:"],
    });
    try {
      await second.logged(/4ABCDEF0123/);
      await second.run(["postqueue", "-f"]);
      for (const id of [idOf(cut), idOf(flipped), "4ABCDEF0123"]) {
        await second.logged(new RegExp(`saving corrupt file "${id}" from queue "\\w+" to queue "corrupt"`));
      }
      assert.match(await trySend(second.port, 10), /^250 /);
      await second.logged(/status=sent/);
      assert.deepEqual(filesIn(second, "corrupt").sort(), [idOf(cut), idOf(flipped), "4ABCDEF0123"].sort());
      assert.ok(filesIn(second, "incoming").includes("not-a-queue-id!"));
      await second.stop();
    } finally {
      await second.kill();
    }
  },
});
