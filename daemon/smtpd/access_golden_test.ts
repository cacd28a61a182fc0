/** Each restriction's replies and log lines beside those of a real Postfix 3.7.11 (testdata/smtpd/access.json). */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { createResolver } from "../../core/dns/mod.ts";
import { startNameServer } from "../../core/dns/testing.ts";
import { type Case, type CaseGroup, groups, linesOf, settingsOf } from "../../testdata/smtpd/access_cases.ts";
import { hosts, startPolicyServer, zone } from "../../testdata/smtpd/access_world.ts";
import { startSmtpd } from "./testing.ts";

interface Recorded {
  readonly reply: string;
  readonly log: readonly string[];
  readonly request?: string;
}

const recorded = JSON.parse(
  Deno.readTextFileSync(new URL("../../testdata/smtpd/access.json", import.meta.url)),
) as Record<string, Record<string, Recorded>>;

/** The reply to the last line, or to the first that was refused. */
function play(port: number, client: string, lines: readonly string[]): Promise<string> {
  return new Promise((done, failed) => {
    const socket = connect({ host: "127.0.0.1", port, localAddress: client });
    socket.setEncoding("latin1");
    let text = "";
    let step = -1;
    let last = "";
    let over = false;
    socket.on("data", (data: string) => {
      if (over) return;
      text += data;
      if (!/^\d{3} .*\r\n$/m.test(text)) return;
      last = text;
      text = "";
      step += 1;
      if (step < lines.length && /^[23]/.test(last)) socket.write(lines[step]! + "\r\n", "latin1");
      else {
        over = true;
        socket.end("QUIT\r\n");
      }
    });
    socket.on("error", failed);
    socket.on("close", () => done(last));
  });
}

/** Nobody listens there, and no test can be given this port. */
const CLOSED_PORT = 79;

/** What differs from run to run. */
function steady(line: string, ports: { readonly policy: number; readonly nobody: number }): string {
  return line.replace(/^[0-9A-F]{8,}: /, "QUEUEID: ")
    .replaceAll(`:${ports.policy}`, ":10099").replaceAll(`:${ports.nobody}`, ":10098");
}

/** For a reply that makes no sense Postfix has no text here; we say what it is. */
function told(text: string): string {
  return text.replace(": Unknown error 0", ": Malformed or unexpected name server reply");
}

async function compare(name: string, group: CaseGroup, test: Deno.TestContext): Promise<void> {
  const files = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${files}/hosts`, hosts);
  Deno.writeTextFileSync(`${files}/nsswitch.conf`, "hosts: files dns\n");
  const nameServer = startNameServer(zone);
  const policy = startPolicyServer();
  const ports = { policy: policy.port, nobody: CLOSED_PORT };
  const resolver = createResolver({
    settings: { servers: [nameServer.address], timeout: name === "lies" ? 4 : 20, attempts: 1 },
    hosts: `${files}/hosts`,
    nsswitch: `${files}/nsswitch.conf`,
  });
  // The default queue directory is that of a Postfix that may be installed, which not everybody may look into.
  const main = { ...settingsOf(name, ports), queue_directory: files };
  const start = () => startSmtpd(main, { resolver });
  const shared = start();
  const ask = async (server: typeof shared, local: string, { client = "127.0.0.2", ...rest }: Case) => {
    const before = server.sink.entries.length;
    const reply = await play(server.port, client, linesOf(local, rest));
    await server.idle();
    const log = server.sink.lines().slice(before).map((line) => steady(line, ports))
      // Of a table that always fails, Postfix does not say why.
      .filter((line) => !line.startsWith("warning: table fail:x: query error"));
    return { reply, log };
  };
  const alone = async (local: string, one: Case) => {
    const server = start();
    try {
      return await ask(server, local, one);
    } finally {
      await server.close();
    }
  };
  // These wait for time-outs and retries: side by side, each with a server and a log of its own.
  const waiting = name === "policy" || name === "lies"
    ? Object.entries(group.cases).map(([local, one]) => [local, alone(local, one)] as const)
    : [];
  const answers = new Map(waiting);
  await Promise.all(answers.values());
  const one = async (local: string, rules: Case) => {
    const { reply, log } = await (answers.get(local) ?? ask(shared, local, rules));
    const expected = recorded[name]![local]!;
    assert.deepEqual({ reply, log }, { reply: told(expected.reply), log: expected.log.map(told) });
    if (expected.request !== undefined) {
      const names = (request: string) => request.split("\n").map((line) => line.split("=")[0]);
      // Since 3.8 and 3.10 two attributes follow that 3.7 does not have.
      const newer = ["compatibility_level", "mail_version"];
      const asked = policy.requests.find((request) => request.includes(`\nrecipient=${local}@`));
      assert.deepEqual(
        names(asked!).filter((attribute) => !newer.includes(attribute!)),
        names(expected.request).filter((attribute) => !newer.includes(attribute!)),
      );
    }
  };
  try {
    for (const [local, rules] of Object.entries(group.cases)) {
      await test.step(`${local}: ${rules.rules}`, () => one(local, rules));
    }
  } finally {
    await shared.close();
    await policy.close();
    await nameServer.close();
    Deno.removeSync(files, { recursive: true });
  }
}

for (const [name, group] of Object.entries(groups)) {
  Deno.test(`restrictions decide as Postfix's do: ${name}`, (test) => compare(name, group, test));
}
