import assert from "node:assert/strict";
import { lookupGroup, lookupUser } from "../core/system/mod.ts";
import { freePort, startInstance, type TestInstance } from "../daemon/master/testing.ts";

interface Row {
  readonly id: string;
  readonly queue: string;
  readonly sender: string;
  readonly recipients: readonly string[];
}

async function list(instance: TestInstance, ...filters: string[]): Promise<Row[]> {
  const { code, stdout, stderr } = await instance.run(["queue", "list", "--json", ...filters]);
  assert.equal(code, 0, stderr);
  return stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** Can the queue be given to the mail system's user? */
const canSeparate = Deno.uid() === 0 && lookupUser("postfix") !== undefined &&
  lookupGroup("postdrop") !== undefined;

/** An instance with five deferred messages; number 4 has the null sender. */
async function withMail(processes: boolean): Promise<TestInstance> {
  const instance = await startInstance({
    processes,
    main: [
      "mydestination =",
      `relayhost = [127.0.0.1]:${freePort()}`,
      "minimal_backoff_time = 4000s",
      "maximal_backoff_time = 4000s",
    ],
  });
  for (let count = 0; count < 5; count++) {
    const sender = count === 4 ? "" : `s${count}@example.com`;
    const text = `From: s@example.com\nSubject: number ${count}\n\n${"x".repeat(70)}\n`.padEnd(
      count * 2000,
      "y\n",
    );
    await instance.run(
      ["sendmail", "-f", sender, `r${count}@${count % 2 === 0 ? "a" : "b"}.example`],
      text + "\n",
    );
  }
  for (let tries = 0; tries < 1200; tries++) {
    if ((await list(instance, "--queue", "deferred")).length === 5) return instance;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`five messages are not deferred:\n${instance.log()}`);
}

Deno.test("queue: filters, forms of output, groups and ages on a running instance", async () => {
  await using instance = await withMail(canSeparate);
  const run = (...args: string[]) => instance.run(["queue", ...args]);
  const senders = async (...filters: string[]) =>
    (await list(instance, ...filters)).map(({ sender }) => sender).sort();
  assert.deepEqual(await senders("--domain", "b.example"), ["s1@example.com", "s3@example.com"]);
  assert.deepEqual(await senders("--from", "<>"), ["MAILER-DAEMON"]);
  assert.deepEqual(await senders("--from", "s2@example.com", "--from", "s3@*"), [
    "s2@example.com",
    "s3@example.com",
  ]);
  assert.deepEqual(await senders("--to", "r0@a.example", "--reason", "connection REFUSED"), [
    "s0@example.com",
  ]);
  assert.deepEqual(await senders("--older", "1h"), []);
  assert.equal((await senders("--younger", "1h", "--limit", "2")).length, 2);
  assert.deepEqual(
    await senders("--size", "+8k"),
    ["MAILER-DAEMON"].concat(await senders("--from", "s3@example.com")),
  );
  const bySize = await list(instance, "--sort", "size", "--limit", "2");
  assert.deepEqual(bySize.map(({ sender }) => sender), ["MAILER-DAEMON", "s3@example.com"]);

  const csv = (await run("list", "--csv", "--from", "s1@example.com")).stdout.split("\r\n");
  assert.equal(csv[0], "id,queue,arrival_time,size,sender,recipients,reason");
  assert.match(csv[1]!, /^[0-9A-Z]+,deferred,\d+,\d+,s1@example\.com,r1@b\.example,/i);
  const table = (await run("list")).stdout;
  assert.match(table, /^ID +QUEUE +AGE +SIZE +FROM +TO +REASON\n/);
  assert.match(table, /\n5 messages, \S+k\n$/);
  assert.match((await run("top")).stdout, /^MESSAGES .*DOMAIN\n +3 .* a\.example\n +2 .* b\.example\n$/);
  assert.match((await run("top", "--by", "reason", "-n", "1")).stdout, /\n +5 .*Connection refused\n$/);
  assert.match((await run("age")).stdout, /^DOMAIN +T +5 +10 .*1280\+\nTOTAL +5 +5 +0 .*\na\.example +3 /);

  const { id } = bySize[1]!;
  const shown = await run("show", id);
  assert.match(shown.stdout, new RegExp(`^${id}\n  queue +deferred\n`));
  assert.match(shown.stdout, /\n {2}subject: +number 3\n/);
  assert.match(shown.stdout, /\n {2}next attempt +\S+ \(in 1h6m\)\n/);
  assert.equal(JSON.parse((await run("show", "--json", id)).stdout).headers.subject, "number 3");
  assert.equal((await run("show", "ABCDEF123")).code, 1);
});

Deno.test("queue: actions do what the filters pick, and nothing without one", async () => {
  // In one process, which may be root's.
  await using instance = await withMail(false);
  const run = (...args: string[]) => instance.run(["queue", ...args]);
  for (
    const wrong of [
      ["delete"],
      ["hold", "--older", "soon"],
      ["release", "--queue", "nowhere"],
      ["requeue", "no/id"],
      ["delete", "--reason", "("],
      ["list", "--limit", "0"],
      ["list", "--frob"],
      ["show"],
      ["frob"],
    ]
  ) {
    const { code, stderr } = await run(...wrong);
    assert.equal(code, 64, wrong.join(" "));
    assert.notEqual(stderr, "");
  }
  const dry = await run("delete", "--domain", "b.example", "--dry-run");
  assert.match(dry.stdout, /\nWould delete 2 messages\n$/);
  assert.equal((await list(instance)).length, 5);

  assert.equal((await run("hold", "--domain", "a.example")).stdout, "Placed on hold: 3 messages\n");
  assert.equal((await list(instance, "--queue", "hold")).length, 3);
  // What is on hold already is not counted again.
  assert.equal((await run("hold", "--all")).stdout, "Placed on hold: 2 messages\n");
  assert.equal(
    (await run("release", "--from", "s0@example.com", "--from", "s1@example.com")).stdout,
    "Released from hold: 2 messages\n",
  );
  const ids = (await list(instance, "--queue", "hold")).map(({ id }) => id);
  const deleted = await instance.run(["queue", "delete", "-"], ids.join("\n") + "\n");
  assert.equal(deleted.stdout, "Deleted: 3 messages\n");
  for (const id of ids) {
    assert.match(instance.log(), new RegExp(`postfix/postsuper\\[\\d+\\]: ${id}: removed`));
  }
  assert.equal((await run("expire", "--from", "s0@example.com")).stdout, "Marked as expired: 1 message\n");
  assert.equal((await run("expire", "--from", "s0@example.com")).stdout, "No messages\n");
  assert.equal((await run("requeue", "--from", "s1@example.com")).stdout, "Requeued: 1 message\n");
  assert.equal((await run("delete", "--all", "--limit", "1")).stdout, "Deleted: 1 message\n");
});
