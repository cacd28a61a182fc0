/** The filter in front of the queue where no recorded dialogue reaches; what stands before a session; reply filters. */
import assert from "node:assert/strict";
import { connect as connectSocket, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { hasOpenssl, makeCertificates } from "../../core/tls/testing.ts";
import { CleanupFlag } from "../cleanup/types.ts";
import { startFakeServer } from "../smtp/testing.ts";
import { startSmtpd } from "./testing.ts";

const settings = {
  compatibility_level: "3.6",
  myhostname: "mx.example.com",
  mydestination: "example.com",
  mynetworks: "127.0.0.0/8",
  inet_interfaces: "127.0.0.1",
  local_recipient_maps: "inline:{alice=x}",
  smtpd_error_sleep_time: "0",
  smtpd_client_connection_count_limit: "0",
};

const encoder = new TextEncoder();

/** One client that says a line and hears the reply. */
async function client(port: number) {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const decoder = new TextDecoder("latin1");
  const buffer = new Uint8Array(65536);
  const hear = async (): Promise<string> => {
    let text = "";
    while (!/^\d{3}(?: .*)?\r\n$/m.test(text)) {
      const count = await conn.read(buffer);
      if (count === null) return text;
      text += decoder.decode(buffer.subarray(0, count));
    }
    return text;
  };
  return {
    conn,
    hear,
    async say(line: string): Promise<string> {
      await conn.write(encoder.encode(line + "\r\n"));
      return await hear();
    },
  };
}

/** The commands up to the content. */
const ENVELOPE = ["EHLO x.test", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "DATA"];

async function sendMessage(port: number, content: string): Promise<string> {
  const { conn, hear, say } = await client(port);
  await hear();
  for (const command of ENVELOPE) {
    const answer = await say(command);
    assert.match(answer, /^[23]/, command);
  }
  await conn.write(encoder.encode(content));
  const answer = await hear();
  conn.close();
  return answer;
}

Deno.test("smtpd: the filter behind a UNIX socket gets no lone CR and no lone LF", async () => {
  const directory = Deno.makeTempDirSync();
  const filter = startFakeServer({ path: `${directory}/filter` });
  const server = startSmtpd({
    ...settings,
    queue_directory: directory,
    smtpd_proxy_filter: "unix:filter",
    smtpd_forbid_bare_newline_exclusions: "",
  });
  try {
    const smuggled = "a\r\n\rb\rc\n.\r\nd\r\n.\r\re\r\n.\rMAIL FROM:<x@y.test>\r\n";
    assert.match(await sendMessage(server.port, `Subject: x\r\n\r\n${smuggled}.\r\n`), /^250 /);
    const [message] = filter.sessions[0]!.messages;
    assert.ok(
      message!.endsWith("Subject: x\r\n\r\na\r\n b c\r\nd\r\n  e\r\n MAIL FROM:<x@y.test>\r\n"),
      message!,
    );
    assert.equal(filter.sessions[0]!.messages.length, 1);
    assert.equal(server.cleanup.stored.length, 0);
  } finally {
    await server.close();
    await filter.close();
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("smtpd: a filter that hangs is given up, wherever it hangs", async () => {
  await Promise.all(["greeting", "EHLO", "MAIL", "RCPT", "DATA", "."].map(hangAt));
});

async function hangAt(point: string): Promise<void> {
  const trouble = "451 4.3.0 Error: queue file write error\r\n";
  const filter = startFakeServer({ on: { [point]: { do: "hang" } } });
  const server = startSmtpd({
    ...settings,
    smtpd_proxy_filter: `127.0.0.1:${filter.port}`,
    smtpd_proxy_timeout: "1s",
  });
  try {
    const { conn, hear, say } = await client(server.port);
    await hear();
    const failing = point === "DATA" ? 3 : point === "." ? 4 : 2;
    for (const [index, command] of ENVELOPE.slice(0, failing + 1).entries()) {
      const answer = await say(command);
      if (index === failing) assert.equal(answer, trouble, point);
      else assert.match(answer, /^[23]/);
    }
    if (failing === 4) assert.equal(await say("Subject: x\r\n\r\nx\r\n."), trouble);
    assert.equal(await say("QUIT"), "221 2.0.0 Bye\r\n");
    conn.close();
    await server.idle();
    const line = `warning: timeout talking to proxy 127.0.0.1:${filter.port}`;
    assert.ok(server.sink.lines().includes(line), server.sink.lines().join("\n"));
  } finally {
    await server.close();
    await filter.close();
  }
}

Deno.test("smtpd: a message that its client does not finish is not finished for the filter either", async () => {
  const filter = startFakeServer();
  const server = startSmtpd({ ...settings, smtpd_proxy_filter: `127.0.0.1:${filter.port}` });
  try {
    const { conn, hear, say } = await client(server.port);
    await hear();
    for (const command of ENVELOPE) await say(command);
    await conn.write(encoder.encode("Subject: x\r\n\r\nhalf of it\r\n"));
    conn.close();
    await server.idle();
  } finally {
    await server.close();
    await filter.close();
  }
  assert.deepEqual(filter.sessions.map(({ messages }) => messages), [[]]);
});

Deno.test("smtpd: speed_adjust keeps a large message in a file that is gone afterwards", async () => {
  const directory = Deno.makeTempDirSync();
  Deno.mkdirSync(`${directory}/incoming`);
  const filter = startFakeServer();
  const server = startSmtpd({
    ...settings,
    queue_directory: directory,
    smtpd_proxy_filter: `127.0.0.1:${filter.port}`,
    smtpd_proxy_options: "speed_adjust",
  });
  try {
    const body = Array.from({ length: 20_000 }, (_, index) => `line ${index} of a long message\r\n`).join("");
    assert.match(await sendMessage(server.port, `Subject: x\r\n\r\n${body}.\r\n`), /^250 /);
    assert.ok(filter.sessions[0]!.messages[0]!.endsWith(`Subject: x\r\n\r\n${body}`));
    assert.deepEqual([...Deno.readDirSync(`${directory}/incoming`)], []);
  } finally {
    await server.close();
    await filter.close();
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("smtpd: a HAProxy header may arrive in pieces", async () => {
  const server = startSmtpd({
    ...settings,
    smtpd_upstream_proxy_protocol: "haproxy",
    smtpd_peername_lookup: "no",
  });
  try {
    const { conn, hear, say } = await client(server.port);
    for (const piece of ["PRO", "XY TCP4 192.0.2.7 198.51.100.9", " 4711 25\r", "\n"]) {
      await conn.write(encoder.encode(piece));
      await new Promise((done) => setTimeout(done, 1));
    }
    assert.match(await hear(), /^220 /);
    assert.match(await say("QUIT"), /^221 /);
    conn.close();
    await server.idle();
    assert.ok(server.sink.lines().includes("connect from unknown[192.0.2.7]"));
  } finally {
    await server.close();
  }
});

Deno.test("smtpd: reject filters change refusals, and only refusals", async () => {
  const server = startSmtpd({
    ...settings,
    mynetworks: "192.0.2.0/24",
    smtpd_reject_filter_maps:
      "regexp:{ {/^454 4(\\.7\\.1 .*)/ 554 5$$1} {/^500 5(.*)/ 450 4$$1. Sorry.} {/^502/ 250 fine} {/^25/ 550 never} }",
    smtpd_reject_footer: "\\c Bye.",
  });
  try {
    const { conn, hear, say } = await client(server.port);
    await hear();
    assert.equal(await say("HELO x.test"), "250 mx.example.com\r\n");
    assert.equal(await say("MAIL FROM:<a@a.test>"), "250 2.1.0 Ok\r\n");
    assert.equal(
      await say("RCPT TO:<x@elsewhere.test>"),
      "554 5.7.1 <x@elsewhere.test>: Relay access denied Bye.\r\n",
    );
    assert.equal(await say("XYZZY"), "450 4.5.2 Error: command not recognized. Sorry. Bye.\r\n");
    assert.equal(await say("STARTTLS"), "502 5.5.1 Error: command not implemented Bye.\r\n");
    conn.close();
    await server.idle();
    const log = server.sink.lines();
    for (
      const line of [
        "NOQUEUE: reject filter in: 454 4.7.1 <x@elsewhere.test>: Relay access denied",
        "NOQUEUE: reject filter out: 554 5.7.1 <x@elsewhere.test>: Relay access denied",
        "NOQUEUE: reject filter in: 500 5.5.2 Error: command not recognized",
        "NOQUEUE: reject filter out: 450 4.5.2 Error: command not recognized. Sorry.",
      ]
    ) assert.ok(log.includes(line), `${line}\n${log.join("\n")}`);
    assert.ok(
      log.some((line) => /^warning: smtpd_reject_filter_maps: "502 .*" can't become "250 fine"/.test(line)),
    );
  } finally {
    await server.close();
  }
});

Deno.test("smtpd: a hidden client leaves no trace in Received:", async () => {
  const server = startSmtpd({ ...settings, smtpd_hide_client_session: "yes", mail_name: "Postfix" });
  try {
    assert.match(await sendMessage(server.port, "Subject: x\r\n\r\nx\r\n.\r\n"), /^250 /);
    const text = new TextDecoder("latin1").decode(server.cleanup.stored[0]!.records);
    assert.match(
      text,
      /Received: by mx\.example\.com \(Postfix\) id [0-9A-F]+N.\tfor <alice@example\.com>; /s,
    );
    assert.doesNotMatch(text, /Received: .*(localhost|ESMTP)/);
  } finally {
    await server.close();
  }
});

/** A client over TLS that says lines; the connection is handed in, with what was sent in the clear. */
async function overTls(socket: Socket, commands: readonly string[]): Promise<string> {
  const secured = connectTls({ socket, rejectUnauthorized: false });
  let heard = "";
  const ended = new Promise<void>((done) => secured.on("close", () => done()));
  let wake = () => {};
  secured.on("data", (bytes: Uint8Array) => {
    heard += new TextDecoder().decode(bytes);
    wake();
  });
  const replies = () => heard.match(/^\d{3} /gm)?.length ?? 0;
  for (const [index, command] of commands.entries()) {
    while (replies() < index + 1) await new Promise<void>((done) => wake = done);
    secured.write(command + "\r\n");
  }
  await ended;
  return heard;
}

Deno.test({
  name: "smtpd: TLS may begin right behind a HAProxy header; REQUIRETLS under TLS only",
  ignore: !hasOpenssl(),
  async fn() {
    const directory = Deno.makeTempDirSync();
    makeCertificates(directory);
    const server = startSmtpd({
      ...settings,
      requiretls_enable: "yes",
      smtpd_upstream_proxy_protocol: "haproxy",
      smtpd_peername_lookup: "no",
      smtpd_tls_wrappermode: "yes",
      smtpd_tls_cert_file: `${directory}/server.pem`,
      smtpd_tls_key_file: `${directory}/server.key`,
    });
    const plain = startSmtpd(settings);
    try {
      const socket = connectSocket(server.port, "127.0.0.1");
      socket.write("PROXY TCP4 192.0.2.7 198.51.100.9 4711 465\r\n");
      const commands = ["EHLO x", "MAIL FROM:<a@a.test> REQUIRETLS", "RCPT TO:<alice@example.com>", "DATA"];
      const heard = await overTls(socket, [...commands, "Subject: x\r\n\r\nx\r\n.", "QUIT"]);
      assert.match(heard, /^250 REQUIRETLS\r$/m);
      assert.match(heard, /^250 2\.0\.0 Ok: queued as /m);
      await server.idle();
      assert.ok(server.sink.lines().includes("connect from unknown[192.0.2.7]"));
      assert.equal(server.cleanup.stored[0]!.flags & CleanupFlag.RequireTls, CleanupFlag.RequireTls);
      const { conn, hear, say } = await client(plain.port);
      await hear();
      assert.doesNotMatch(await say("EHLO x"), /REQUIRETLS/);
      assert.equal(
        await say("MAIL FROM:<a@a.test> REQUIRETLS"),
        "555 5.5.4 Unsupported option: REQUIRETLS\r\n",
      );
      conn.close();
    } finally {
      await server.close();
      await plain.close();
      Deno.removeSync(directory, { recursive: true });
    }
  },
});
