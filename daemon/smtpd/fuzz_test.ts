/**
 * A seeded fuzzer over whole sessions: commands in any order, writes split anywhere, zero octets, endless lines, clients
 * that leave at any point, pipelined garbage, plaintext behind STARTTLS, AUTH cancelled at every step. No session may
 * fail inside, hang, say anything but replies, tell a password to the log, or leave memory behind.
 */
import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { setSasldbPassword } from "../../core/sasl/mod.ts";
import { hasOpenssl, makeCertificates } from "../../core/tls/testing.ts";
import { startSmtpd } from "./testing.ts";
import { randomNumbers } from "../../testdata/random.ts";

const PASSWORD = "s3cret-Pa55word";
const MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"];

type Random = ReturnType<typeof randomNumbers>;

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random(from.length)]!;
}

const base64 = (text: string) => btoa(text);

/** A piece of a session: what is sent at once, and how many replies are waited for before the next piece. */
interface Piece {
  readonly text: string;
  readonly replies: number;
}

const one = (text: string): Piece => ({ text: text + "\r\n", replies: 1 });

/** What clients may say in the course of AUTH, right or wrong. */
function response(random: Random): string {
  return pick(random, [
    "*",
    "",
    "=",
    base64(`\0alice\0${PASSWORD}`),
    base64("alice"),
    base64(PASSWORD),
    base64("alice 0123456789abcdef0123456789abcdef"),
    base64("n,,n=alice,r=abcdef"),
    base64(`username="alice",realm="mx.example.com",nonce="x",cnonce="y",nc=00000001,response=0`),
    "not base64 \0\x01",
    "A".repeat(random(20) === 0 ? 40_000 : 300),
    "QUIT",
  ]);
}

/** AUTH that goes on for some steps and is cancelled, answered wrongly, or just left. */
function authentication(random: Random): Piece[] {
  const mechanism = pick(random, [...MECHANISMS, "EXTERNAL", "NOTHING", ""]);
  const initial = random(3) === 0 ? " " + response(random) : "";
  const pieces = [one(`AUTH ${mechanism}${initial}`)];
  for (let steps = random(4); steps > 0; steps--) pieces.push(one(response(random)));
  if (random(2) === 0) pieces.push(one("*"));
  return pieces;
}

function transaction(random: Random): Piece[] {
  const pieces = [
    one("EHLO x.test"),
    one(pick(random, ["MAIL FROM:<a@a.test>", "MAIL FROM:<> BODY=8BITMIME", "MAIL FROM:<a@a.test> SIZE=99"])),
  ];
  for (let count = random(4); count >= 0; count--) {
    pieces.push(
      one(pick(random, ["RCPT TO:<alice@example.com>", "RCPT TO:<x@elsewhere.test>", "RCPT TO:<\0>"])),
    );
  }
  const content = pick(random, [
    "Subject: x\r\n\r\nbody",
    "\n.\n\r.\r",
    "x".repeat(3000),
    "\0\r\n..\r\n \r\n\t",
  ]);
  if (random(3) > 0) pieces.push(one("DATA"), one(`${content}\r\n.`));
  else {
    pieces.push({ text: `BDAT ${content.length}\r\n${content}`, replies: 1 });
    pieces.push({ text: `BDAT ${random(9)} LAST\r\nabc`, replies: 1 });
  }
  return pieces;
}

const COMMANDS = [
  "NOOP",
  "RSET",
  "HELP",
  "VRFY alice",
  "ETRN example.com",
  "HELO x",
  "EHLO [::1]",
  "XFORWARD NAME=x.test ADDR=192.0.2.9",
  "XFORWARD IDENT=+zz SOURCE=LOCAL FOO=1",
  "XCLIENT NAME=[TEMPUNAVAIL] HELO=a+0Db",
  "XCLIENT LOGIN=joe PROTO=ESMTP",
  "MAIL FROM:<" + "a".repeat(600) + "@b>",
  "RCPT TO:<" + "@a,".repeat(200) + ":x@y>",
  "BDAT",
  "BDAT 99999999999999999999",
  "DATA x",
  "\0\0\0",
  "\xff\xfe \xc3",
  '<<<((("\\',
  "",
  " ",
  "QUIT x",
];

/** Pipelined nonsense. */
function garbage(random: Random): Piece[] {
  let text = "";
  for (let count = random(30); count >= 0; count--) {
    text += pick(random, COMMANDS) + pick(random, ["\r\n", "\n", "\r", "\r\n\r\n", ""]);
  }
  return [{ text, replies: 1 }];
}

/** A line without end. */
function giant(random: Random): Piece[] {
  const filling = pick(random, ["x", "\0", "\xff", "<", "\r"]);
  return [{ text: pick(random, COMMANDS) + filling.repeat(100_000 + random(200_000)), replies: 0 }];
}

/** STARTTLS with something behind it that came in the clear. */
function injection(random: Random): Piece[] {
  const behind = pick(random, [
    "",
    "MAIL FROM:<injected@a.test>\r\nRCPT TO:<alice@example.com>\r\nDATA\r\n",
    "\x16\x03\x01\x00\xff\x01" + "x".repeat(random(300)),
    "\x80\0\0",
    "QUIT\r\n",
  ]);
  return [
    one("EHLO x.test"),
    { text: "STARTTLS\r\n" + behind, replies: 1 },
    one(pick(random, ["NOOP", "\x15\x03\x01"])),
  ];
}

/** One client's session. */
function script(random: Random): Piece[] {
  const pieces: Piece[] = [];
  for (let parts = random(4); parts >= 0; parts--) {
    const kind = random(12);
    if (kind < 3) pieces.push(...transaction(random));
    else if (kind < 6) pieces.push(one("EHLO x.test"), ...authentication(random));
    else if (kind < 8) pieces.push(...garbage(random));
    else if (kind < 9) pieces.push(...injection(random));
    else if (kind < 10 && random(4) === 0) pieces.push(...giant(random));
    else pieces.push(one(pick(random, COMMANDS)));
  }
  if (random(3) === 0) pieces.push(one("QUIT"));
  return pieces;
}

/** Plays a script and says what came back; leaves in the middle now and then. */
async function play(port: number, pieces: readonly Piece[], random: Random): Promise<string> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const leaving = random(4) === 0 ? random(pieces.length + 1) : Infinity;
  const waits = random(2) === 0;
  let heard = "";
  let ended = false;
  let wake = () => {};
  const reading = (async () => {
    const buffer = new Uint8Array(16384);
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
      for (let at = 0; at < count; at++) heard += String.fromCharCode(buffer[at]!);
      wake();
    }
  })().catch(() => {}).finally(() => {
    ended = true;
    wake();
  });
  const replies = () => heard.match(/^\d{3}(?: .*)?\r\n/gm)?.length ?? 0;
  const hear = async (count: number) => {
    const most = performance.now() + 5;
    // Who says nonsense may not be answered at all: nobody waits for long.
    while (replies() < count && !ended && performance.now() < most) {
      await new Promise<void>((done) => {
        const timer = setTimeout(done, 5);
        wake = () => (clearTimeout(timer), done());
      });
    }
  };
  try {
    if (waits) await hear(1);
    for (const [index, { text, replies: wanted }] of pieces.entries()) {
      if (index === leaving) break;
      const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
      const before = replies();
      for (let at = 0; at < bytes.length;) {
        const size = random(3) === 0 ? 1 + random(8) : 1 + random(65536);
        at += await conn.write(bytes.subarray(at, at + size));
      }
      if (waits) await hear(before + wanted);
    }
    if (leaving === Infinity) await conn.closeWrite();
  } catch {
    // The server has had enough.
  }
  if (leaving !== Infinity) {
    try {
      conn.close();
    } catch {
      // Closed by the other side.
    }
  }
  await reading;
  try {
    conn.close();
  } catch {
    // Closed already.
  }
  return heard;
}

function settingsIn(directory: string, tls: boolean): Record<string, string> {
  return {
    compatibility_level: "3.6",
    myhostname: "mx.example.com",
    mydestination: "example.com",
    mynetworks: "192.0.2.0/24",
    inet_interfaces: "127.0.0.1",
    local_recipient_maps: "inline:{alice=x}",
    smtpd_error_sleep_time: "0",
    smtpd_client_connection_count_limit: "0",
    smtpd_authorized_xforward_hosts: "127.0.0.1",
    smtpd_authorized_xclient_hosts: "127.0.0.1",
    smtpd_sasl_auth_enable: "yes",
    smtpd_sasl_security_options: "noanonymous",
    cyrus_sasl_config_path: directory,
    message_size_limit: "50000",
    smtpd_timeout: "60s",
    ...(tls
      ? {
        smtpd_tls_security_level: "may",
        smtpd_tls_cert_file: `${directory}/server.pem`,
        smtpd_tls_key_file: `${directory}/server.key`,
        smtpd_tls_loglevel: "1",
      }
      : {}),
  };
}

function prepare(directory: string): boolean {
  const tls = hasOpenssl();
  if (tls) makeCertificates(directory);
  Deno.writeTextFileSync(
    `${directory}/smtpd.conf`,
    `pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: ${directory}/sasldb2\nmech_list: ${
      MECHANISMS.join(" ")
    }\n`,
  );
  setSasldbPassword(
    `${directory}/sasldb2`,
    "alice",
    "mx.example.com",
    new TextEncoder().encode(PASSWORD),
    0o077,
  );
  return tls;
}

/** Replies of SMTP, and records of TLS behind the one that begins it. */
// deno-lint-ignore no-control-regex -- TLS records begin with them
const ONLY_REPLIES = /^(?:[2345]\d\d(?:[ -][^\r\n]*)?\r\n)*(?:[\x14-\x17]\x03[^]*)?$/;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

Deno.test("smtpd: seeded sessions of every kind", async () => {
  const directory = Deno.makeTempDirSync();
  const tls = prepare(directory);
  const server = startSmtpd(settingsIn(directory, tls));
  const random = randomNumbers(20261123);
  const codes = new Set<string>();
  const run = async (rounds: number) => {
    for (let round = 0; round < rounds; round += 10) {
      const heard = await Promise.all(
        Array.from({ length: 10 }, () => {
          const own = randomNumbers(random(1 << 24));
          return play(server.port, script(own), own);
        }),
      );
      for (const text of heard) {
        assert.match(text, ONLY_REPLIES);
        for (const [code] of text.matchAll(/^\d{3}/gm)) codes.add(code);
      }
    }
    await server.idle();
    assert.equal(server.smtpd.sessions, 0);
    assert.deepEqual(server.sink.entries.filter(({ level }) => level === "error"), []);
    // Whoever gives a password as name is shown as that name: who tried is what log analysers look for.
    const log = server.sink.lines().map((line) => line.replace(/sasl_username=.*$/, "")).join("\n");
    for (const secret of [PASSWORD, base64(PASSWORD), base64(`\0alice\0${PASSWORD}`)]) {
      assert.ok(!log.includes(secret), log.split("\n").filter((line) => line.includes(secret)).join("\n"));
    }
    for (const { records } of server.cleanup.stored) {
      assert.ok(
        !new TextDecoder("latin1").decode(records).includes("injected@a.test"),
        "injected before TLS",
      );
    }
    // What tests keep is not the server's.
    server.sink.entries.length = 0;
    server.cleanup.stored.length = 0;
    collectGarbage();
    const { heapUsed, external } = Deno.memoryUsage();
    return heapUsed + external;
  };
  try {
    await run(300);
    const before = await run(100);
    const after = await run(600);
    assert.ok(after - before < 4_000_000, `600 sessions left ${after - before} bytes behind`);
    for (const code of ["220", "221", "250", "334", "354", "500", "501", "503", "535", "554"]) {
      assert.ok(codes.has(code), `nobody was told ${code}: ${[...codes].sort()}`);
    }
  } finally {
    await server.close();
    Deno.removeSync(directory, { recursive: true });
  }
});
