import assert from "node:assert/strict";
import process from "node:process";
import { selfCommand } from "../../core/system/mod.ts";
import { connectSmtp, freePort, startInstance } from "./testing.ts";

const ROOT = process.geteuid?.() === 0;
const options = { sanitizeOps: false, sanitizeResources: false };

/** Runs a command to its end. */
async function runSelf(...args: string[]): Promise<{ code: number; stderr: string }> {
  const command = selfCommand(...args);
  const { code, stderr } = await new Deno.Command(command.program, { args: command.args, stdin: "null" })
    .output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

async function sendOne(port: number, recipient: string): Promise<string> {
  const client = await connectSmtp(port);
  await client.say("EHLO client.example");
  await client.say("MAIL FROM:<sender@example.org>");
  await client.say(`RCPT TO:<${recipient}>`);
  await client.say("DATA");
  const reply = await client.say("Subject: test\r\n\r\nHello\r\n.");
  await client.say("QUIT");
  client.close();
  return reply;
}

Deno.test({
  name: "a message goes through, and its way is in the log",
  ...options,
  async fn() {
    await using instance = await startInstance({ main: ["default_transport = discard:"] });
    const id = /queued as (\w+)/.exec(await sendOne(instance.port, "someone@elsewhere.example"))?.[1];
    assert.ok(id);
    await instance.logged(new RegExp(`qmgr\\[\\d+\\]: ${id}: removed`));
    for (
      const pattern of [
        /smtpd\[\d+\]: connect from localhost\[127\.0\.0\.1\]/,
        new RegExp(`smtpd\\[\\d+\\]: ${id}: client=localhost\\[127\\.0\\.0\\.1\\]`),
        new RegExp(`cleanup\\[\\d+\\]: ${id}: message-id=<`),
        new RegExp(
          `qmgr\\[\\d+\\]: ${id}: from=<sender@example\\.org>, size=\\d+, nrcpt=1 \\(queue active\\)`,
        ),
        new RegExp(`discard\\[\\d+\\]: ${id}: to=<someone@elsewhere\\.example>, relay=none, .*status=sent`),
        /smtpd\[\d+\]: disconnect from localhost\[127\.0\.0\.1\] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5/,
      ]
    ) await instance.logged(pattern);
    assert.equal(await instance.stop(), 0);
    assert.match(instance.log(), /terminating on signal 15/);
  },
});

for (const processes of ROOT ? [false, true] : [false]) {
  Deno.test({
    name: `reload keeps running sessions on the old configuration (${
      processes ? "processes" : "one process"
    })`,
    ...options,
    async fn() {
      await using instance = await startInstance({ processes, main: ["smtpd_banner = old banner"] });
      const session = await connectSmtp(instance.port);
      assert.equal(session.greeting, "220 old banner");
      const main = Deno.readTextFileSync(`${instance.etc}/main.cf`);
      Deno.writeTextFileSync(
        `${instance.etc}/main.cf`,
        main + "smtpd_banner = new banner\nsmtpd_helo_required = yes\n",
      );
      instance.reload();
      await instance.logged(/reload -- version/);
      let greeting = "";
      for (let tries = 0; tries < 100 && greeting !== "220 new banner"; tries++) {
        await new Promise((done) => setTimeout(done, 20));
        const next = await connectSmtp(instance.port);
        greeting = next.greeting;
        next.close();
      }
      assert.equal(greeting, "220 new banner");
      // The old session does not need HELO: it began under the old configuration.
      assert.match(await session.say("MAIL FROM:<sender@example.org>"), /^250 /);
      assert.match(await session.say("QUIT"), /^221 /);
      session.close();
    },
  });

  Deno.test({
    name: `reload with a broken configuration keeps the old one running (${
      processes ? "processes" : "one process"
    })`,
    ...options,
    async fn() {
      await using instance = await startInstance({ processes, main: ["default_transport = discard:"] });
      const main = Deno.readTextFileSync(`${instance.etc}/main.cf`);
      Deno.writeTextFileSync(`${instance.etc}/main.cf`, main + "this is not a parameter\n");
      instance.reload();
      const said = await instance.logged(/error: reload: .*/);
      assert.match(said, new RegExp(`main\\.cf.*line ${main.split("\n").length}`));
      assert.match(await sendOne(instance.port, "someone@elsewhere.example"), /^250 /);
      await instance.logged(/status=sent/);
    },
  });
}

/** One address under two names. */
const samePort = (port: number) =>
  `127.0.0.1:${port} inet n - n - - smtpd\n[127.0.0.1]:${port} inet n - n - - smtpd`;

Deno.test({
  name: "bad configurations: start says file, line and what, exits with 1 and leaves nothing behind",
  ...options,
  async fn() {
    const cases = [
      { file: "main.cf", line: "smtpd_timeout = soon", says: /smtpd_timeout/ },
      { file: "main.cf", line: "no equals sign", says: /main\.cf.*line 14/ },
      { file: "master.cf", line: "too few columns", says: /master\.cf.*line 2[0-9]/ },
      {
        file: "master.cf",
        line: "no-such-port inet n - n - - smtpd",
        says: /master\.cf.*line 2[0-9].*no-such-port/,
      },
      {
        file: "master.cf",
        line: samePort(freePort()),
        says: /master\.cf.*line 2[0-9].* is the address of two services/,
      },
    ];
    for (const { file, line, says } of cases) {
      const directory = Deno.makeTempDirSync({ prefix: "postel-test-" });
      await assert.rejects(
        startInstance({ directory, ...(file === "main.cf" ? { main: [line] } : { master: [line] }) }),
        says,
        line,
      );
      const { code, stderr } = await runSelf("postfix", "-c", `${directory}/etc`, "check");
      assert.equal(code, 1, line);
      assert.match(stderr, says);
      Deno.removeSync(directory, { recursive: true });
    }
  },
});

Deno.test({
  name: "a port in use is said with the line of master.cf, and the other program is not disturbed",
  ...options,
  async fn() {
    const other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = other.addr as Deno.NetAddr;
    const directory = Deno.makeTempDirSync({ prefix: "postel-test-" });
    await assert.rejects(startInstance({ directory, port }), /master\.cf: line 1: .*in use/);
    other.close();
    Deno.removeSync(directory, { recursive: true });
  },
});

Deno.test({
  name: "postfix start, status, start again, reload, flush, stop, status",
  ...options,
  async fn() {
    const directory = Deno.makeTempDirSync({ prefix: "postel-test-" });
    const port = freePort();
    // The instance lays the files out; from there on the commands are on their own.
    const instance = await startInstance({ directory, port });
    await instance.stop();
    const etc = `${directory}/etc`;
    assert.deepEqual((await runSelf("postfix", "-c", etc, "status")).code, 1);
    assert.equal((await runSelf("postfix", "-c", etc, "start")).code, 0);
    assert.equal((await runSelf("postfix", "-c", etc, "status")).code, 0);
    const again = await runSelf("postfix", "-c", etc, "start");
    assert.equal(again.code, 1);
    assert.match(again.stderr, /already running/);
    const client = await connectSmtp(port);
    assert.match(client.greeting, /^220 /);
    client.close();
    assert.equal((await runSelf("postfix", "-c", etc, "reload")).code, 0);
    assert.equal((await runSelf("postfix", "-c", etc, "flush")).code, 0);
    assert.equal((await runSelf("postfix", "-c", etc, "stop")).code, 0);
    const stopped = await runSelf("postfix", "-c", etc, "stop");
    assert.equal(stopped.code, 1);
    assert.match(stopped.stderr, /fatal: the Postfix mail system is not running/);
    Deno.removeSync(directory, { recursive: true });
  },
});

Deno.test({
  name: "an orderly stop finishes the message that is coming in",
  ...options,
  async fn() {
    await using instance = await startInstance({ main: ["default_transport = discard:"] });
    const client = await connectSmtp(instance.port);
    await client.say("EHLO client.example");
    await client.say("MAIL FROM:<sender@example.org>");
    await client.say("RCPT TO:<someone@elsewhere.example>");
    await client.say("DATA");
    await client.send("Subject: slow\r\n\r\nfirst half\r\n");
    const stopping = instance.stop();
    await new Promise((done) => setTimeout(done, 300));
    assert.match(await client.say("second half\r\n."), /^250 /);
    client.close();
    assert.equal(await stopping, 0);
  },
});

Deno.test({
  name: "postel_log_format = json: the same events as objects, one a line",
  ...options,
  async fn() {
    await using instance = await startInstance({
      main: ["default_transport = discard:", "postel_log_format = json"],
    });
    const id = /queued as (\w+)/.exec(await sendOne(instance.port, "someone@elsewhere.example"))?.[1];
    await instance.logged(/"disconnect from/);
    await instance.logged(new RegExp(`"${id}: removed"`));
    const entries = instance.log().trimEnd().split("\n").map((line) => JSON.parse(line));
    const delivery = entries.find(({ event }) => event === "delivery");
    assert.equal(delivery.program, "postfix/discard");
    assert.equal(delivery.queue_id, id);
    assert.equal(delivery.to, "someone@elsewhere.example");
    assert.equal(delivery.status, "sent");
    for (
      const event of [
        "started",
        "connect",
        "client",
        "message_id",
        "active",
        "delivery",
        "removed",
        "disconnect",
      ]
    ) {
      assert.ok(
        entries.some((entry) => entry.event === event),
        `no ${event} in ${JSON.stringify(entries, null, 1)}`,
      );
    }
    for (const entry of entries) {
      for (const key of Object.keys(entry)) {
        assert.match(key, /^[a-z][a-z0-9_]*$/, `key ${key} of ${entry.event}`);
      }
    }
  },
});

Deno.test({
  name: "a table that only root may read serves processes that gave up root, also after a reload",
  ignore: !ROOT,
  ...options,
  async fn() {
    const directory = Deno.makeTempDirSync({ prefix: "postel-test-" });
    Deno.writeTextFileSync(`${directory}/senders`, "bad@example.org REJECT not you\n", { mode: 0o600 });
    await using instance = await startInstance({
      directory,
      processes: true,
      main: [`smtpd_sender_restrictions = check_sender_access texthash:${directory}/senders`],
    });
    const refused = async () => {
      const client = await connectSmtp(instance.port);
      await client.say("EHLO client.example");
      await client.say("MAIL FROM:<bad@example.org>");
      const reply = await client.say("RCPT TO:<someone@example.com>");
      client.close();
      return reply;
    };
    assert.match(await refused(), /^554 5\.7\.1 .*not you/);
    instance.reload();
    await instance.logged(/reload -- version/);
    await new Promise((done) => setTimeout(done, 1500));
    assert.match(await refused(), /^554 5\.7\.1 .*not you/);
  },
});
