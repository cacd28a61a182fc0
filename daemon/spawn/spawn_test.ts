import assert from "node:assert/strict";
import process from "node:process";
import { configFromText, type MasterEntry } from "../../core/config/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { connectSmtp, startInstance } from "../master/testing.ts";
import { createSpawn } from "./mod.ts";

/** A user who may run commands here. */
function somebody(): string {
  if (process.geteuid?.() === 0) return "nobody";
  const uid = String(process.geteuid?.());
  const lines = Deno.readTextFileSync("/etc/passwd").split("\n").map((line) => line.split(":"));
  return lines.find((fields) => fields[2] === uid)?.[0] ?? "nobody";
}

function entryOf(...args: string[]): MasterEntry {
  return {
    name: "helper",
    type: "unix",
    private: true,
    unprivileged: false,
    chroot: false,
    wakeup: 0,
    wakeupIfUsed: false,
    processLimit: 1,
    processLimitIsDefault: false,
    command: "spawn",
    arguments: args,
    overrides: [],
    origin: { file: "master.cf", line: 1 },
  };
}

function start(...args: string[]) {
  const sink = memorySink();
  const config = configFromText("queue_directory = /\nmail_owner = daemon\nhelper_time_limit = 30s\n");
  const service = createSpawn({ config, entry: entryOf(...args), log: new Logger(sink, "postfix/spawn") });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connect = () =>
    Promise.all([Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }), listener.accept()]);
  let connected: ReturnType<typeof connect> | undefined;
  /** Says something, and gives what comes back until the end. */
  const ask = async (text: string): Promise<string> => {
    connected = connected === undefined ? connect() : connected.then(connect);
    const [client, server] = await connected;
    const served = service.serve(server);
    await client.write(new TextEncoder().encode(text));
    await client.closeWrite();
    const answer = await new Response(client.readable).text();
    await served;
    return answer;
  };
  return { ask, sink, close: () => listener.close() };
}

Deno.test("spawn: a command has the connection as its input and output; bad ends are logged", async () => {
  const echo = start(`user=${somebody()}`, "argv=/bin/cat");
  // One at a time, as the entry says.
  const texts = ["one\n", "two\n", "x".repeat(100_000)];
  assert.deepEqual(await Promise.all(texts.map(echo.ask)), texts);
  assert.deepEqual(echo.sink.lines(), []);
  echo.close();
  const failing = start(`user=${somebody()}`, "argv=/bin/sh", "-c", "echo said; exit 3");
  assert.equal(await failing.ask(""), "said\n");
  assert.deepEqual(failing.sink.lines(), ["warning: command /bin/sh exit status 3"]);
  failing.close();
  const killed = start(`user=${somebody()}`, "argv=/bin/sh", "-c", "kill -TERM $$");
  assert.equal(await killed.ask(""), "");
  assert.deepEqual(killed.sink.lines(), ["warning: command /bin/sh killed by signal 15"]);
  killed.close();
});

Deno.test("spawn: entries of master.cf that can't be used are errors with their place", () => {
  const user = `user=${somebody()}`;
  for (
    const [words, message] of [
      [["argv=/bin/cat"], /missing user=/],
      [[user], /missing argv=/],
      [[user, "flags=x", "argv=/bin/cat"], /unknown attribute name: flags=x/],
      [["user=root", "argv=/bin/cat"], /root privileges/],
      [["user=daemon", "argv=/bin/cat"], /mail system owner daemon/],
      [["user=no-such-user-here", "argv=/bin/cat"], /unknown username/],
    ] as const
  ) assert.throws(() => start(...words), message);
});

Deno.test("spawn: a policy service out of master.cf, behind a UNIX socket and behind a port", async () => {
  const script = 'while read line; do [ -n "$line" ] || printf "action=reject spawned\\n\\n"; done';
  await using instance = await startInstance({
    main: [
      "policy_time_limit = 3600",
      "smtpd_recipient_restrictions = reject_unauth_destination, check_policy_service unix:private/policy",
    ],
    master: [`policy unix - n n - 0 spawn user=${somebody()} argv=/bin/sh -c { ${script} }`],
  });
  const client = await connectSmtp(instance.port);
  await client.say("EHLO client.example");
  await client.say("MAIL FROM:<a@client.example>");
  const expected = /^554 5\.7\.1 <alice@.*: Recipient address rejected: spawned/;
  assert.match(await client.say(`RCPT TO:<alice@example.com>`), expected);
  // The next question goes to the same command.
  assert.match(await client.say(`RCPT TO:<alice@example.com>`), expected);
  client.close();
});
