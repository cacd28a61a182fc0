/** An open relay test: nobody outside may send anything to a domain that is not ours, whatever the address looks like. */
import assert from "node:assert/strict";
import { startSmtpd } from "./testing.ts";

/** What a stranger may try to have relayed to elsewhere.test. */
const ATTEMPTS = [
  "x@elsewhere.test",
  "X@ELSEWHERE.TEST",
  "x@elsewhere.test.",
  "x%elsewhere.test@example.com",
  "x%elsewhere.test@localhost",
  "x%elsewhere.test@[127.0.0.1]",
  "x%elsewhere.test@mx.example.com",
  "x%elsewhere.test",
  "x%elsewhere.test%example.com@example.com",
  "x%elsewhere.test@example.com@example.com",
  "elsewhere.test!x",
  "elsewhere.test!x@example.com",
  "example.com!elsewhere.test!x",
  "example.com!elsewhere.test!x@example.com",
  "elsewhere.test!x%example.com",
  "@example.com:x@elsewhere.test",
  "@example.com,@localhost:x@elsewhere.test",
  "@elsewhere.test:x@example.com@elsewhere.test",
  "@localhost:x%elsewhere.test@example.com",
  '"x@elsewhere.test"',
  '"x@elsewhere.test"@example.com',
  '"x@elsewhere.test"@[127.0.0.1]',
  '"x%elsewhere.test"@example.com',
  '"elsewhere.test!x"@example.com',
  "x\\@elsewhere.test@example.com",
  "x@elsewhere.test@example.com",
  "x@elsewhere.test@",
  "x@elsewhere.test@[127.0.0.1]",
  "x@[192.0.2.1]",
  "x@[IPv6:2001:db8::1]",
  "x@[127.0.0.1].elsewhere.test",
  "x@example.com.elsewhere.test",
  "x@elsewhere.test(@example.com)",
  "(@example.com)x@elsewhere.test",
  "x@elsewhere.test,x@example.com",
  "x@elsewhere.test x@example.com",
  "<x@elsewhere.test>",
  "x@elsewhere.test>,<alice@example.com",
  "x@sub.elsewhere.test",
  "x@example.com\u0000@elsewhere.test",
  "x@elsewhere.test\u0000@example.com",
  "x@\uff45xample.com",
  "x@ex\u0430mple.com",
  "x@elsewhere\u3002test",
  "postmaster@elsewhere.test",
  "postmaster%elsewhere.test@example.com",
  "x@",
  "@elsewhere.test",
  "x",
  "alice+x@elsewhere.test",
  "alice@example.com@elsewhere.test",
];

Deno.test("smtpd: relay attempts with the default restrictions are all refused", async () => {
  const server = startSmtpd({
    compatibility_level: "3.6",
    myhostname: "mx.example.com",
    mydestination: "example.com, localhost, mx.example.com",
    mynetworks: "192.0.2.0/24",
    inet_interfaces: "127.0.0.1",
    local_recipient_maps: "inline:{alice=x}",
    smtpd_hard_error_limit: "1000",
    smtpd_error_sleep_time: "0",
  });
  try {
    for (
      const [sender, hello] of [["a@a.test", "EHLO x.test"], ["alice@example.com", "EHLO mx.example.com"], [
        "",
        "HELO [127.0.0.1]",
      ]]
    ) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      const say = talker(conn);
      await say(undefined);
      await say(hello!);
      await say("XCLIENT ADDR=192.0.2.1 NAME=trusted.example.com");
      await say("XFORWARD ADDR=192.0.2.1");
      assert.match(await say(`MAIL FROM:<${sender}>`), /^250 /);
      for (const attempt of ATTEMPTS) {
        assert.match(await say(`RCPT TO:<${attempt}>`), /^[45]\d\d /, `${attempt} from <${sender}>`);
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

/** Sends a line and reads one reply. */
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
