/** Two mail systems on one spool: real tools on our running daemon, and each daemon on what the other one left. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { selfCommand } from "../core/system/mod.ts";
import { type Ran, runProgram } from "../core/system/run_testing.ts";
import { linesOf, parseReport } from "../daemon/master/control.ts";
import { freePort, startInstance } from "../daemon/master/testing.ts";
import { canRunPostfix, type PrivatePostfix, privatePostfix, until } from "./postqueue_fixture.ts";

function real(etc: string, name: string, args: readonly string[], input = ""): Promise<Ran> {
  return runProgram(`/usr/sbin/${name}`, args, { env: { MAIL_CONFIG: etc }, input });
}

/** A copy of the configuration in which every parameter stands once: real Postfix warns of each repetition. */
function copyForReal(etc: string): string {
  const directory = `${etc}/real`;
  Deno.mkdirSync(directory);
  const lines = Deno.readTextFileSync(`${etc}/main.cf`).split("\n");
  const latest = new Map(lines.map((line) => [line.split("=")[0]!.trim(), line]));
  Deno.writeTextFileSync(`${directory}/main.cf`, [...latest.values(), ""].join("\n"));
  Deno.copyFileSync(`${etc}/master.cf`, `${directory}/master.cf`);
  return directory;
}

function queuesOf(json: string): Map<string, string> {
  const lines = json.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  return new Map(lines.map((message) => [message.queue_id, message.queue_name]));
}

Deno.test({
  name: "exchange: the tools of real Postfix work on our running daemon",
  ignore: !canRunPostfix,
  async fn() {
    await using instance = await startInstance({
      processes: true,
      main: [
        "compatibility_level = 3.6",
        "postel_wire_level = 3.7",
        "mydestination =",
        `relayhost = [127.0.0.1]:${freePort()}`,
        "fast_flush_domains = example.org",
        "minimal_backoff_time = 4000s",
        "maximal_backoff_time = 4000s",
      ],
    });
    const etc = copyForReal(instance.etc);
    const tool = (name: string, args: readonly string[], input = "") => real(etc, name, args, input);
    const listed = async () => queuesOf((await tool("postqueue", ["-j"])).stdout);
    const attempts = () => instance.log().split("status=deferred").length - 1;
    const allDeferred = () =>
      until("all deferred", async () => [...(await listed()).values()].every((name) => name === "deferred"));
    for (let count = 0; count < 6; count++) {
      const args = ["-f", `u${count}@example.com`, `r${count}@example.org`];
      const sent = await tool("sendmail", args, `Subject: ${count}\n\nHello\n`);
      assert.deepEqual(sent, { code: 0, stdout: "", stderr: "" });
    }
    await until("six attempts", () => attempts() >= 6);
    await allDeferred();
    const [a, b, c, d, e, f] = [...(await listed()).keys()] as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];

    const ours = await instance.run(["postqueue", "-p"]);
    assert.equal((await tool("postqueue", ["-p"])).stdout, ours.stdout);
    assert.match(ours.stdout, /-- \d+ Kbytes in 6 Requests\.\n$/);
    for (const option of ["-e", "-bh", "-o", "-v"]) {
      const shown = await tool("postcat", [option, "-q", a]);
      assert.equal(shown.code, 0, shown.stderr);
      assert.equal((await instance.run(["postcat", option, "-q", a])).stdout, shown.stdout, option);
    }
    const shape = await tool("qshape", ["-c", etc, "deferred"]);
    assert.match(shape.stdout, /TOTAL +6 .*\n +example\.org +6 /);

    let before = attempts();
    assert.deepEqual(await tool("postqueue", ["-i", f]), { code: 0, stdout: "", stderr: "" });
    await until("an attempt after -i", () => attempts() === before + 1);
    await allDeferred();
    before = attempts();
    assert.equal((await tool("postqueue", ["-s", "example.org"])).code, 0);
    await until("attempts after -s", () => attempts() === before + 6);
    await allDeferred();
    before = attempts();
    assert.equal((await tool("postqueue", ["-f"])).code, 0);
    await until("attempts after -f", () => attempts() === before + 6);
    await allDeferred();
    assert.equal((await tool("postqueue", ["-s", "example.net"])).code, 69);

    const done = await tool("postsuper", ["-d", a, "-h", b, "-h", c, "-H", c, "-e", d, "-r", e]);
    assert.equal(done.code, 0, done.stderr);
    const after = await listed();
    assert.deepEqual(
      [a, b, c, d].map((id) => after.get(id)),
      [undefined, "hold", "deferred", "deferred"],
    );
    assert.match((await instance.run(["postqueue", "-p"])).stdout, new RegExp(`^${d}#`, "m"));
    assert.equal((await tool("postkick", ["public", "pickup", "W"])).code, 0);
    await instance.logged(new RegExp(`orig_id=${e}`));
    // The expired message goes back to its sender at the next attempt.
    assert.equal((await tool("postqueue", ["-i", d])).code, 0);
    await instance.logged(new RegExp(`${d}: from=<u\\d@example.com>, status=force-expired`));
    assert.equal((await tool("postlog", ["-t", "postfix/script", "hello from outside"])).code, 0);
    await instance.logged(/postfix\/script\[\d+\]: hello from outside/);

    // The session on standard input hands its mail to postdrop; the report of -bv comes by mail.
    const dialogue = [
      "HELO mx",
      "MAIL FROM:<s@example.com>",
      "RCPT TO:<bs@example.org>",
      "DATA",
      "Subject: bs",
    ]
      .concat("", "hello", ".", "QUIT", "").join("\r\n");
    const session = await tool("sendmail", ["-bs"], dialogue);
    assert.equal(session.code, 0, session.stderr);
    assert.match(session.stdout, /^250 2\.0\.0 Ok: queued as /m);
    await instance.logged(/to=<bs@example\.org>.*status=deferred/);
    const probe = await tool("sendmail", ["-f", "v@example.com", "-bv", "bv@example.org"]);
    assert.match(probe.stdout, /^Mail Delivery Status Report will be mailed to <v@example\.com>\.\n$/);
    await instance.logged(
      /to=<bv@example\.org>.*status=(?:un)?deliver|to=<bv@example\.org>.*status=deferred/,
    );
    const dropped = await tool("postdrop", [], "not a message");
    assert.notEqual(dropped.code, 0);

    assert.deepEqual((await tool("postsuper", ["-s"])).stderr, "");
    assert.equal((await tool("postsuper", ["-d", "ALL"])).code, 0);
    assert.equal((await tool("postqueue", ["-p"])).stdout, "Mail queue is empty\n");
  },
});

/** A server that takes all mail and keeps the subjects. */
async function sink(directory: string): Promise<
  { readonly port: number; subjects(): string[]; close(): Promise<void> }
> {
  const port = freePort();
  const dumps = `${directory}/sink`;
  Deno.mkdirSync(dumps);
  const child = new Deno.Command("/usr/sbin/smtp-sink", {
    args: ["-u", "root", "-d", `${dumps}/m.`, `127.0.0.1:${port}`, "64"],
    stdout: "null",
    stderr: "null",
  }).spawn();
  await until("the sink", async () => {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch {
      return false;
    }
  });
  return {
    port,
    subjects: () =>
      [...Deno.readDirSync(dumps)]
        .map(({ name }) => /^Subject: (.*)$/m.exec(Deno.readTextFileSync(`${dumps}/${name}`))?.[1])
        .filter((subject) => subject !== undefined).map((subject) => subject.trim()).sort(),
    async close() {
      child.kill();
      await child.status;
    },
  };
}

/** Our daemon on the configuration of a private Postfix. */
async function startOurs(postfix: PrivatePostfix): Promise<() => Promise<void>> {
  const { program, args } = selfCommand("daemon", "-c", `${postfix.directory}/conf`, "--report");
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  const stderr = new Response(child.stderr).text();
  const output = linesOf(child.stdout);
  const first = await output.next();
  const report = first.done ? undefined : parseReport(first.value);
  if (report?.report !== "ready") throw new Error(`Postel did not start: ${await stderr}`);
  const drained = (async () => {
    while (!(await output.next()).done);
  })();
  return async () => {
    child.kill("SIGTERM");
    await Promise.all([child.status, stderr, drained]);
  };
}

/**
 * Leaves mail in every queue of a stopped Postfix directory: deferred and on hold by a running daemon, maildrop and
 * incoming without one. @returns the subjects
 */
async function fillQueues(
  postfix: PrivatePostfix,
  run: PrivatePostfix["real"],
  stop: () => Promise<void>,
  mark: string,
): Promise<string[]> {
  const subjects: string[] = [];
  const submit = async (count: number) => {
    for (let index = 0; index < count; index++) {
      const subject = `${mark} ${subjects.length}`;
      const text = `Subject: ${subject}\n\n${"x".repeat(index * 3000)}\n.\nfrom ${mark}\n`;
      const { code, stderr } = await run("sendmail", [
        "-f",
        "a@example.com",
        "b@example.org",
        "c@example.net",
      ], text);
      assert.equal(code, 0, stderr);
      subjects.push(subject);
    }
  };
  await submit(6);
  await until("six deferred messages", async () => {
    const names = [...queuesOf((await run("postqueue", ["-j"])).stdout).values()];
    return names.length === 6 && names.every((name) => name === "deferred");
  });
  const ids = [...queuesOf((await run("postqueue", ["-j"])).stdout).keys()];
  await run("postsuper", ["-h", ids[0]!, "-h", ids[1]!]);
  await stop();
  // As if the daemon had died with these on their way.
  const hash = ids[2]![0];
  Deno.renameSync(`${postfix.queue}/deferred/${hash}/${ids[2]}`, `${postfix.queue}/active/${ids[2]}`);
  const second = ids[3]![0];
  Deno.renameSync(`${postfix.queue}/deferred/${second}/${ids[3]}`, `${postfix.queue}/incoming/${ids[3]}`);
  Deno.utimeSync(`${postfix.queue}/incoming/${ids[3]}`, 1, 1);
  await submit(2);
  const { stdout } = await run("postqueue", ["-j"]);
  const counts = [...queuesOf(stdout).values()].sort();
  assert.deepEqual(counts, [
    ...["active", "deferred", "deferred", "hold", "hold", "incoming", "maildrop", "maildrop"],
  ]);
  await run("postsuper", ["-H", "ALL"]);
  return subjects;
}

Deno.test({
  name: "exchange: each daemon delivers the full queue that the other one left",
  ignore: !canRunPostfix || !existsSync("/usr/sbin/smtp-sink"),
  async fn() {
    const postfix = privatePostfix();
    const receiver = await sink(postfix.directory);
    const closed = `relayhost = [127.0.0.1]:${freePort()}`;
    const open = `relayhost = [127.0.0.1]:${receiver.port}`;
    const expected: string[] = [];
    const allArrived = async (run: PrivatePostfix["real"]) => {
      assert.equal((await run("postqueue", ["-f"])).code, 0);
      await until("an empty queue", async () => (await run("postqueue", ["-j"])).stdout === "");
      assert.deepEqual(receiver.subjects(), [...expected].sort());
    };
    let stopOurs: (() => Promise<void>) | undefined;
    const stop = async () => {
      await stopOurs?.();
      stopOurs = undefined;
    };
    try {
      postfix.set(closed);
      await postfix.start();
      expected.push(...await fillQueues(postfix, postfix.real, () => postfix.stop(), "left by Postfix"));
      postfix.set(open);
      stopOurs = await startOurs(postfix);
      await allArrived(postfix.ours);
      await stop();

      postfix.set(closed);
      stopOurs = await startOurs(postfix);
      expected.push(...await fillQueues(postfix, postfix.ours, stop, "left by Postel"));
      postfix.set(open);
      await postfix.start();
      await allArrived(postfix.real);
      assert.deepEqual((await postfix.real("postsuper", [])).stderr, "");
    } finally {
      await stop();
      await receiver.close();
      await postfix.remove();
    }
  },
});
