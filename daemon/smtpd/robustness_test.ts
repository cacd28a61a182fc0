/** What a session has to survive: garbage in any order, split anywhere, and many clients that say nothing. */
import assert from "node:assert/strict";
import { RecordCursor } from "../../core/queue/mod.ts";
import { startSmtpd } from "./testing.ts";
import { randomNumbers } from "../../testdata/random.ts";

const settings = {
  compatibility_level: "3.6",
  myhostname: "mx.example.com",
  mydestination: "example.com",
  mynetworks: "192.0.2.0/24",
  inet_interfaces: "127.0.0.1",
  local_recipient_maps: "inline:{alice=x}",
  smtpd_error_sleep_time: "0",
  smtpd_client_connection_count_limit: "0",
  message_size_limit: "20000",
};

const FRAGMENTS = [
  "EHLO x.test\r\n",
  "HELO x\r\n",
  "MAIL FROM:<a@a.test>\r\n",
  "MAIL FROM:<a@a.test> SIZE=10 BODY=8BITMIME\r\n",
  "RCPT TO:<alice@example.com>\r\n",
  "RCPT TO:<x@elsewhere.test> NOTIFY=NEVER\r\n",
  "DATA\r\n",
  "Subject: x\r\n\r\nbody\r\n.\r\n",
  ".\r\n",
  "\n.\n",
  "BDAT 10\r\n0123456789",
  "BDAT 4 LAST\r\nabc\n",
  "BDAT 99999 LAST\r\n",
  "RSET\r\n",
  "NOOP\r\n",
  "VRFY alice\r\n",
  "ETRN relay.test\r\n",
  "STARTTLS\r\n\x16\x03\x01",
  "AUTH PLAIN\r\n",
  "*\r\n",
  "QUIT\r\n",
  "GET / HTTP/1.0\r\n\r\n",
  "\0\0\0",
  "\r",
  "\n",
  '<<<<<<(((("""\\\\',
  'MAIL FROM:<"\\\r\n',
  "RCPT TO:<" + "(".repeat(300) + "\r\n",
  "RCPT TO:<" + "@a,".repeat(300) + ":x@y>\r\n",
  "x".repeat(5000),
  "\xff\xfe\xc3\r\n",
];

Deno.test("smtpd: seeded garbage ends no process, leaves no session and no half message", async () => {
  const random = randomNumbers(20260311);
  const server = startSmtpd(settings);
  try {
    for (let round = 0; round < 400; round++) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      const reading = drain(conn);
      let text = random(3) > 0 ? "EHLO x.test\r\n" : "";
      for (let count = random(12); count >= 0; count--) text += FRAGMENTS[random(FRAGMENTS.length)];
      const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
      for (let i = random(4); i > 0; i--) bytes[random(bytes.length)] = random(256);
      try {
        for (let at = 0; at < bytes.length;) {
          const size = random(2) === 0 ? 1 + random(20) : 1 + random(4000);
          at += await conn.write(bytes.subarray(at, at + size));
          if (random(4) === 0) await new Promise((done) => setTimeout(done, 0));
        }
        await conn.closeWrite();
      } catch {
        // The server has had enough.
      }
      assert.match(
        await reading,
        /^(?:[2345]\d\d[ -][^\r\n]*\r\n)+$/,
        `round ${round}: only replies come back`,
      );
      try {
        conn.close();
      } catch {
        // Closed already.
      }
    }
    await server.idle();
    assert.equal(server.smtpd.sessions, 0);
    assert.deepEqual(server.sink.entries.filter((entry) => entry.level === "error"), []);
    for (const { records } of server.cleanup.stored) assert.equal(lastRecord(records), "E");
  } finally {
    await server.close();
  }
});

Deno.test("smtpd: stop ends idle sessions with a reply", async () => {
  const server = startSmtpd(settings);
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const reading = drain(conn);
  await conn.write(new TextEncoder().encode("EHLO x\r\n"));
  await new Promise((done) => setTimeout(done, 20));
  await server.close(5);
  assert.match(await reading, /421 4\.3\.2 mx\.example\.com Service shutting down\r\n$/);
  conn.close();
});

Deno.test("smtpd: a silent client is told and disconnected", async () => {
  const server = startSmtpd({ ...settings, smtpd_timeout: "1s" });
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  assert.match(await drain(conn), /421 4\.4\.2 mx\.example\.com Error: timeout exceeded\r\n$/);
  await server.idle();
  assert.ok(server.sink.lines().includes("NOQUEUE: timeout after CONNECT from localhost[127.0.0.1]"));
  conn.close();
  await server.close();
});

for (const where of ["command", "content"]) {
  Deno.test(`smtpd: a client that drips a ${where} is cut off where whole requests have a deadline`, async () => {
    const server = startSmtpd({
      ...settings,
      smtpd_timeout: "1s",
      smtpd_per_request_deadline: "yes",
      smtpd_min_data_rate: "100000",
    });
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    const say = (text: string) => conn.write(new TextEncoder().encode(text)).catch(() => 0);
    await conn.read(new Uint8Array(1000));
    if (where === "content") {
      for (const command of ["HELO x", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "DATA"]) {
        await say(command + "\r\n");
        await conn.read(new Uint8Array(1000));
      }
    }
    let over = false;
    const heard = drain(conn).finally(() => over = true);
    while (!over) {
      await say("x");
      await new Promise((done) => setTimeout(done, 50));
    }
    assert.match(await heard, /421 4\.4\.2 mx\.example\.com Error: timeout exceeded\r\n$/);
    await server.idle();
    const place = where === "content"
      ? /: timeout after DATA \(\d+ bytes\) from /
      : /: timeout after CONNECT from /;
    assert.ok(server.sink.lines().some((line) => place.test(line)), server.sink.lines().join("\n"));
    conn.close();
    await server.close();
  });
}

Deno.test("smtpd: more clients than the service takes wait for a place", async () => {
  const server = startSmtpd(settings, { processLimit: 1 });
  const first = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const greeting = new Uint8Array(100);
  await first.read(greeting);
  const second = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const answer = second.read(new Uint8Array(100));
  await first.write(new TextEncoder().encode("QUIT\r\n"));
  assert.ok((await answer)! > 0);
  first.close();
  second.close();
  await server.close();
});

Deno.test("smtpd: limits per client, footers and replaced commands", async () => {
  const server = startSmtpd({
    ...settings,
    smtpd_client_connection_count_limit: "1",
    smtpd_client_event_limit_exceptions: "",
    smtpd_client_message_rate_limit: "1",
    smtpd_client_recipient_rate_limit: "1",
    smtpd_command_filter: "regexp:{ {/^BOO/ NOOP} }",
    smtpd_reject_footer: "\\c. Contact postmaster at $server_name",
  });
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const first = new Uint8Array(100);
  await conn.read(first);
  const second = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const footer = ". Contact postmaster at mx.example.com\r\n";
  assert.equal(
    await drain(second),
    "421 4.7.0 mx.example.com Error: too many connections from 127.0.0.1" + footer,
  );
  second.close();
  const reading = drain(conn);
  const rcpt = "RCPT TO:<alice@example.com>\r\n";
  const lines = [
    "EHLO x\r\n",
    `BOO\r\n`,
    "MAIL FROM:<a@a.test>\r\n",
    rcpt,
    rcpt,
    "RSET\r\n",
    "MAIL FROM:<>\r\n",
    "QUIT\r\n",
  ];
  for (const line of lines) {
    await conn.write(new TextEncoder().encode(line));
    await new Promise((done) => setTimeout(done, 5));
  }
  const replies = (await reading).split("\r\n").filter((line) => !line.startsWith("250-"));
  assert.deepEqual(replies.slice(1, -1), [
    "250 2.0.0 Ok",
    "250 2.1.0 Ok",
    "250 2.1.5 Ok",
    "450 4.7.1 Error: too many recipients from 127.0.0.1. Contact postmaster at mx.example.com",
    "250 2.0.0 Ok",
    "450 4.7.1 Error: too much mail from 127.0.0.1. Contact postmaster at mx.example.com",
    "221 2.0.0 Bye",
  ]);
  conn.close();
  await server.idle();
  const log = server.sink.lines();
  for (
    const line of [
      "warning: Connection concurrency limit exceeded: 2 from localhost[127.0.0.1] for service smtp",
      "warning: Recipient address rate limit exceeded: 2 from localhost[127.0.0.1] for service smtp",
      "warning: Message delivery request rate limit exceeded: 2 from localhost[127.0.0.1] for service smtp",
      'localhost[127.0.0.1]: replacing command "BOO" with "NOOP"',
    ]
  ) assert.ok(log.includes(line), line);
  await server.close();
  const statistics = server.sink.lines().filter((line) => line.startsWith("statistics: "));
  assert.match(statistics[0]!, /^statistics: max connection rate 2\/60s for \(smtp:127\.0\.0\.1\) at /);
});

async function drain(conn: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder("latin1");
  const buffer = new Uint8Array(65536);
  let text = "";
  for (;;) {
    const count = await conn.read(buffer).catch(() => null);
    if (count === null) return text;
    text += decoder.decode(buffer.subarray(0, count));
  }
}

function lastRecord(records: Uint8Array): string {
  const cursor = new RecordCursor(records);
  let type = 0;
  while (cursor.next()) type = cursor.type;
  return String.fromCharCode(type);
}
