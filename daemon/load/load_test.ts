import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { parseAddress, sendMail, type SinkOptions, type SourceOptions, startSink } from "./mod.ts";

const SINK: SinkOptions = {
  address: { transport: "tcp", hostname: "127.0.0.1", port: 0 },
  backlog: 50,
  hostname: "sink.example",
  lmtp: false,
  masked: false,
  without: new Set(),
  hardRejects: new Set(),
  softRejects: new Set(),
  disconnects: new Set(),
  farewells: new Set(),
  hardReply: "500 5.3.0 Error: command failed",
  softReply: "450 4.3.0 Error: command failed",
  dataDelay: 0,
  timeout: 20,
  mostSessions: 10,
  sessionLimit: 0,
  messageLimit: 0,
};

const SOURCE: Omit<SourceOptions, "address"> = {
  sessions: 3,
  messages: 20,
  recipients: 2,
  sender: "from@example.com",
  recipient: "to@example.com",
  hostname: "client.example",
  subject: undefined,
  length: 1000,
  old: false,
  content: undefined,
  keepConnections: false,
  numberRecipients: false,
  lmtp: false,
  tolerant: false,
  interval: () => 0,
  connectAttempts: 1,
};

const at = (port: number) => ({ transport: "tcp", hostname: "127.0.0.1", port }) as const;

/** A port that nobody listens on. */
function closedPort(): number {
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = probe.addr as Deno.NetAddr;
  probe.close();
  return port;
}

Deno.test("addresses", () => {
  assert.deepEqual(parseAddress("127.0.0.1:2525", "x"), at(2525));
  assert.deepEqual(parseAddress("inet:[::1]:25", "x"), { transport: "tcp", hostname: "::1", port: 25 });
  assert.deepEqual(parseAddress(":2525", "127.0.0.1"), at(2525));
  assert.deepEqual(parseAddress("unix:/tmp/s", "x"), { transport: "unix", path: "/tmp/s" });
  assert.throws(() => parseAddress("a:b:c", "x"), /bad address/);
});

Deno.test("source and sink talk to each other: new connections, kept ones, LMTP", async () => {
  for (const variant of [{}, { keepConnections: true }, { lmtp: true, keepConnections: true }]) {
    const lines: string[] = [];
    const sink = startSink({ ...SINK, lmtp: "lmtp" in variant, onLine: (line) => lines.push(line) });
    await sendMail({ ...SOURCE, ...variant, address: at(sink.port) });
    sink.stop();
    assert.equal(sink.counts.messages, 20);
    assert.equal(sink.counts.sessions, "keepConnections" in variant ? 3 : 20);
    assert.equal(lines.filter((line) => line === "RCPT TO:<2to@example.com>").length, 20);
  }
});

Deno.test("a sink ends after the messages that it was to take", async () => {
  const sink = startSink({ ...SINK, messageLimit: 20 });
  await sendMail({ ...SOURCE, address: at(sink.port), tolerant: true }).catch(() => {});
  await sink.finished;
  assert.equal(sink.counts.messages, 20);
});

Deno.test("refusals end the source with the reply", async () => {
  const sink = startSink({ ...SINK, hardRejects: new Set(["RCPT"]) });
  await assert.rejects(
    sendMail({ ...SOURCE, sessions: 1, address: at(sink.port) }),
    /sending recipient: 500 5\.3\.0 Error: command failed/,
  );
  sink.stop();
  await assert.rejects(sendMail({ ...SOURCE, address: at(closedPort()) }), /connect: Connection refused/);
});

Deno.test({
  name: "Postfix's smtp-source sends to our sink, content with dots and lone line ends included",
  ignore: !existsSync("/usr/sbin/smtp-source"),
  async fn() {
    const sink = startSink(SINK);
    const args = ["-s", "4", "-m", "30", "-r", "3", "-l", "5000", `127.0.0.1:${sink.port}`];
    const { success } = await new Deno.Command("/usr/sbin/smtp-source", { args }).output();
    assert.ok(success);
    assert.equal(sink.counts.messages, 30);
    const file = Deno.makeTempFileSync();
    try {
      Deno.writeTextFileSync(file, ".\n..\ntext\r\r\n.x\n\n");
      const more = await new Deno.Command("/usr/sbin/smtp-source", {
        args: ["-F", file, "-m", "2", "-d", `127.0.0.1:${sink.port}`],
      }).output();
      assert.ok(more.success);
      assert.equal(sink.counts.messages, 32);
    } finally {
      Deno.removeSync(file);
      sink.stop();
    }
  },
});

Deno.test({
  name: "our source sends to Postfix's smtp-sink",
  ignore: !existsSync("/usr/sbin/smtp-sink"),
  async fn() {
    const port = closedPort();
    const user = Deno.uid() === 0 ? ["-u", "nobody"] : [];
    const sink = new Deno.Command("/usr/sbin/smtp-sink", {
      args: [...user, `127.0.0.1:${port}`, "50"],
      stderr: "null",
    }).spawn();
    try {
      await sendMail({
        ...SOURCE,
        sessions: 2,
        keepConnections: true,
        address: at(port),
        connectAttempts: 500,
      });
    } finally {
      sink.kill("SIGTERM");
      await sink.status;
    }
  },
});
