/**
 * An open relay test: nobody outside may send anything to a domain that is not ours, whatever the address looks like,
 * whatever rights are claimed, and whatever is hidden in a message. The replies of a real Postfix to the same attempts are
 * compared in `protocol_test.ts` (group open_relay).
 */
import assert from "node:assert/strict";
import { RecordCursor } from "../../core/queue/mod.ts";
import { CLAIMS, DISGUISES, RECIPIENTS } from "../../testdata/smtpd/relay_attempts.ts";
import { startSmtpd } from "./testing.ts";

/** The default restrictions, on a host with a domain of its own. */
const settings = {
  compatibility_level: "3.6",
  myhostname: "mx.example.com",
  mydestination: "example.com, localhost, mx.example.com",
  mynetworks: "192.0.2.0/24",
  inet_interfaces: "127.0.0.1",
  local_recipient_maps: "inline:{alice=x}",
  smtpd_hard_error_limit: "1000",
  smtpd_error_sleep_time: "0",
};

Deno.test("smtpd: relay attempts with the default restrictions are all refused", async () => {
  assert.ok(RECIPIENTS.length >= 40);
  const server = startSmtpd(settings);
  try {
    for (const { hello, mail, rcptParameters = "" } of DISGUISES) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      const say = talker(conn);
      await say(undefined);
      await say(hello);
      for (const claim of CLAIMS) assert.match(await say(claim), /^[45]\d\d /, claim);
      assert.match(await say(`MAIL FROM:${mail}`), /^250 /);
      for (const attempt of RECIPIENTS) {
        assert.match(
          await say(`RCPT TO:<${attempt}>${rcptParameters}`),
          /^[45]\d\d /,
          `${attempt} from ${mail}`,
        );
      }
      assert.match(await say("RCPT TO:<alice@example.com>"), /^250 /, "mail for us still gets in");
      conn.close();
    }
    await server.idle();
    assert.equal(server.cleanup.stored.length, 0);
  } finally {
    await server.close();
  }
});

/** Line ends around a dot that some server somewhere takes for the end of a message. */
const FALSE_ENDS = [
  "\n.\n",
  "\n.\r\n",
  "\r\n.\n",
  "\r.\r",
  "\r.\r\n",
  "\r\n.\r",
  "\r\n.\r\r\n",
  "\r\r\n.\r\r\n",
  "\r\n\r.\r\n",
  "\n\r.\n\r",
  "\r\n.\0\r\n",
  "\r\n\0.\r\n",
  "\r\n. \r\n",
  "\r\n..\r\n",
  "\x85.\x85",
  "\r\n\u2024\r\n",
];

Deno.test("smtpd: a message hidden in a message goes nowhere", async () => {
  const server = startSmtpd({
    ...settings,
    mynetworks: "127.0.0.0/8",
    smtpd_forbid_bare_newline_exclusions: "",
  });
  try {
    for (const end of FALSE_ENDS) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      const say = talker(conn);
      await say(undefined);
      for (const line of ["EHLO x.test", "MAIL FROM:<a@a.test>", "RCPT TO:<alice@example.com>", "DATA"]) {
        await say(line);
      }
      const hidden =
        "MAIL FROM:<admin@example.com>\r\nRCPT TO:<x@elsewhere.test>\r\nDATA\r\nSubject: hidden\r\n\r\nx";
      assert.match(await say(`Subject: x\r\n\r\nbody${end}${hidden}\r\n.`), /^250 /, JSON.stringify(end));
      assert.match(await say("QUIT"), /^221 /);
      conn.close();
    }
    await server.idle();
    assert.equal(server.cleanup.stored.length, FALSE_ENDS.length);
    for (const { records } of server.cleanup.stored) {
      assert.deepEqual(recipients(records), ["alice@example.com"]);
    }
  } finally {
    await server.close();
  }
});

Deno.test("smtpd: a header of a proxy that nobody expects gives no rights", async () => {
  const server = startSmtpd(settings);
  try {
    for (
      const header of [
        "PROXY TCP4 192.0.2.1 127.0.0.1 4711 25",
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01",
      ]
    ) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      const say = talker(conn);
      await say(undefined);
      assert.match(await say(header), /^(?:221|500|521|554) /);
      conn.close();
    }
    await server.idle();
    assert.ok(!server.sink.lines().some((line) => line.includes("192.0.2.1")));
  } finally {
    await server.close();
  }
});

Deno.test("smtpd: a configuration without relay control is refused", () => {
  for (
    const settings of [
      {},
      { smtpd_relay_restrictions: "permit_mynetworks", smtpd_recipient_restrictions: "permit" },
      { smtpd_relay_restrictions: "warn_if_reject reject_unauth_destination" },
    ]
  ) {
    assert.throws(
      () => startSmtpd({ compatibility_level: "0", ...settings }),
      /specify at least one working instance/,
    );
  }
});

function recipients(records: Uint8Array): string[] {
  const cursor = new RecordCursor(records);
  const found: string[] = [];
  while (cursor.next()) {
    if (String.fromCharCode(cursor.type) === "R") found.push(new TextDecoder().decode(cursor.data()));
  }
  return found;
}

/** Sends a line and reads one reply; what is empty at the end of the connection. */
function talker(conn: Deno.Conn): (line: string | undefined) => Promise<string> {
  const buffer = new Uint8Array(4096);
  const decoder = new TextDecoder();
  return async (line) => {
    if (line !== undefined) await conn.write(new TextEncoder().encode(line + "\r\n"));
    let text = "";
    while (!/^\d{3} .*\r\n$/m.test(text)) {
      const count = await conn.read(buffer);
      if (count === null) throw new Error(`connection closed after ${line}: ${text}`);
      text += decoder.decode(buffer.subarray(0, count));
    }
    return text;
  };
}
