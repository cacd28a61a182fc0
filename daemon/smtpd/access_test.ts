/** Restrictions that ask others: policy services and lists in DNS; lists that make no sense. */
import assert from "node:assert/strict";
import { decodeText } from "../../core/bytes/mod.ts";
import { DnsError, HostLookupError } from "../../core/dns/mod.ts";
import { Notify, RecordCursor, RecordType } from "../../core/queue/mod.ts";
import { startTcpServer } from "../../core/system/tcp_server_testing.ts";
import { CleanupFlag } from "../cleanup/types.ts";
import { addressFilter } from "./access/dnsbl_filter.ts";
import { loopbackResolver, startSmtpd } from "./testing.ts";

const settings = {
  compatibility_level: "3.6",
  myhostname: "mx.example.com",
  mydestination: "example.com",
  mynetworks: "192.0.2.0/24",
  inet_interfaces: "127.0.0.1",
  local_recipient_maps: "",
  smtpd_error_sleep_time: "0",
};

/** A session that says one line after the other and returns the replies. */
async function talk(port: number, lines: readonly string[]): Promise<string[]> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(8192);
  const replies: string[] = [];
  const reply = async () => {
    let text = "";
    while (!/^\d{3} .*\r\n$/m.test(text)) {
      const count = await conn.read(buffer);
      if (count === null) throw new Error(`closed after ${JSON.stringify(text)}`);
      text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    return text.trimEnd();
  };
  await reply();
  for (const line of lines) {
    await conn.write(new TextEncoder().encode(line + "\r\n"));
    replies.push(await reply());
  }
  conn.close();
  return replies;
}

/** A policy service that gives these answers in turn; what it was asked is kept. `undefined`: hangs up. */
function policyServer(answers: (string | undefined)[]) {
  const requests: string[] = [];
  const serve = async (conn: Deno.Conn) => {
    const buffer = new Uint8Array(8192);
    let text = "";
    for (;;) {
      const count = await conn.read(buffer).catch(() => null);
      if (count === null) return;
      text += new TextDecoder().decode(buffer.subarray(0, count));
      const end = text.indexOf("\n\n");
      if (end < 0) continue;
      requests.push(text.slice(0, end));
      text = text.slice(end + 2);
      const answer = answers.shift();
      if (answer === undefined) return conn.close();
      await conn.write(new TextEncoder().encode(answer));
    }
  };
  return { ...startTcpServer(serve), requests };
}

Deno.test("check_policy_service: attributes, actions, one connection for all requests", async () => {
  const policy = policyServer([
    "action=DUNNO\n\n",
    "action=REJECT 5.7.9 no way\n\n",
    "other=x\naction=450 4.7.1 wait\n\n",
    "action=no such action\n\n",
  ]);
  const server = startSmtpd({
    ...settings,
    smtpd_recipient_restrictions:
      `check_policy_service { inet:127.0.0.1:${policy.port}, policy_context=ctx }`,
  });
  const rcpt = "RCPT TO:<alice@example.com>";
  const replies = await talk(server.port, [
    "EHLO client.test",
    "MAIL FROM:<a@a.test> SIZE=77",
    rcpt,
    rcpt,
    rcpt,
    rcpt,
  ]);
  assert.deepEqual(replies.slice(2), [
    "250 2.1.5 Ok",
    "554 5.7.9 <alice@example.com>: Recipient address rejected: no way",
    "450 4.7.1 <alice@example.com>: Recipient address rejected: wait",
    "451 4.3.5 Server configuration error",
  ]);
  assert.equal(policy.connections.length, 1);
  const sent = policy.requests[0]!.replace(/^(client_port|server_port|instance|mail_version)=.+$/gm, "$1=X");
  assert.equal(
    sent,
    "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=127.0.0.1\n" +
      "client_name=localhost\nclient_port=X\nreverse_client_name=localhost\nserver_address=127.0.0.1\n" +
      "server_port=X\nhelo_name=client.test\nsender=a@a.test\nrecipient=alice@example.com\nrecipient_count=0\n" +
      "queue_id=\ninstance=X\nsize=77\netrn_domain=\nstress=\nsasl_method=\nsasl_username=\nsasl_sender=\n" +
      "ccert_subject=\nccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_protocol=\n" +
      "encryption_cipher=\nencryption_keysize=0\npolicy_context=ctx\ncompatibility_level=3.6\nmail_version=X",
  );
  await server.close();
  await policy.close();
});

Deno.test("check_policy_service: a service that hangs up, hangs or is not there leads to the default action", async () => {
  const policy = policyServer([undefined, undefined, "action=DUNNO\n\n"]);
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const nobody = free.addr.port;
  free.close();
  const options = "try_limit=2, retry_delay=0, timeout=1s";
  const server = startSmtpd({
    ...settings,
    smtpd_sender_restrictions: `check_policy_service { inet:127.0.0.1:${policy.port}, ${options} }`,
    smtpd_recipient_restrictions:
      `check_policy_service { inet:127.0.0.1:${nobody}, ${options}, { default_action = 450 4.7.7 later } }`,
  });
  const rcpt = "RCPT TO:<alice@example.com>";
  const replies = await talk(server.port, ["EHLO client.test", "MAIL FROM:<a@a.test>", rcpt, rcpt]);
  assert.deepEqual(replies.slice(2), [
    "451 4.3.5 <a@a.test>: Sender address rejected: Server configuration problem",
    "450 4.7.7 <alice@example.com>: Recipient address rejected: later",
  ]);
  const warnings = server.sink.lines().filter((line) => line.startsWith("warning: "));
  assert.deepEqual(warnings.slice(0, 3), [
    `warning: problem talking to server 127.0.0.1:${policy.port}: Application error`,
    `warning: connect to 127.0.0.1:${nobody}: Connection refused`,
    `warning: problem talking to server 127.0.0.1:${nobody}: Connection refused`,
  ]);
  await server.close();
  await policy.close();
});

Deno.test("DNS lists: replies, filters, failures, allow-lists", async () => {
  const listed: Record<string, string[]> = {
    "1.0.0.127.bl.test": ["127.0.0.2"],
    "1.0.0.127.bl2.test": ["127.0.0.3", "127.0.0.2"],
    "1.0.0.127.wl.test": ["127.0.0.9"],
    "bad.test.rhs.test": ["127.0.0.4"],
  };
  const server = startSmtpd({
    ...settings,
    smtpd_helo_restrictions: "permit_dnswl_client wl.test=127.0.0.8, reject_rhsbl_helo rhs.test",
    smtpd_recipient_restrictions:
      "reject_rbl_client broken.test, reject_rbl_client bl.test=127.0.0.[3..9], " +
      "check_recipient_access inline:{ {listed@example.com=mine} {mapped@example.com=other} }",
    smtpd_restriction_classes: "mine, other",
    mine: "reject_rbl_client bl.test",
    other: "reject_rbl_client bl2.test=127.0.0.[2]",
    rbl_reply_maps: "regexp:{ {/^bl2/ 521 4.7.1 $$$$rbl_domain says $$$$rbl_reason to $$$$sender} }",
  }, {
    resolver: {
      ...loopbackResolver,
      query: ((name: string) => {
        const records = listed[name];
        if (name.endsWith("broken.test")) {
          return Promise.reject(new DnsError("temporary", name, "A", "no answer"));
        }
        return records === undefined
          ? Promise.reject(new DnsError("notFound", name, "A", "not found"))
          : Promise.resolve({
            records: records.map((address) => ({ family: 4, address })),
            ttl: 1,
            authenticated: false,
            canonicalName: name,
          });
      }) as never,
      txt: () => Promise.resolve(["see ${helo_name"]),
    },
  });
  const mail = "MAIL FROM:<$recipient@a.test>";
  assert.deepEqual(
    (await talk(server.port, ["EHLO bad.test", mail, "RCPT TO:<alice@example.com>"])).slice(2),
    ["554 5.7.1 Service unavailable; Helo command [bad.test] blocked using rhs.test; see ${helo_name"],
  );
  assert.deepEqual(
    (await talk(server.port, [
      "EHLO fine.test",
      mail,
      "RCPT TO:<alice@example.com>",
      "RCPT TO:<listed@example.com>",
      "RCPT TO:<mapped@example.com>",
    ])).slice(2),
    [
      "250 2.1.5 Ok",
      "554 5.7.1 Service unavailable; Client host [127.0.0.1] blocked using bl.test; see ${helo_name",
      "521 5.7.1 bl2.test says see ${helo_name to $recipient@a.test",
    ],
  );
  assert.ok(server.sink.lines().includes("warning: 1.0.0.127.broken.test: RBL lookup error: no answer"));
  await server.close();
});

Deno.test("check_sender_mx_access and check_helo_a_access: hosts and addresses behind a name", async () => {
  const missing = (name: string) => Promise.reject(new DnsError("notFound", name, "MX", `no MX for ${name}`));
  const unknown = (name: string) => Promise.reject(new HostLookupError("notFound", `no host ${name}`));
  const server = startSmtpd({
    ...settings,
    smtpd_helo_restrictions: "check_helo_a_access inline:{ {198.51.100=REJECT bad net} }",
    smtpd_sender_restrictions:
      "check_sender_mx_access inline:{ {spam.test=REJECT spam MX} {192.0.2.66=450 4.7.1 later} {ok.test=OK} }",
  }, {
    resolver: {
      ...loopbackResolver,
      mx: ((name: string) =>
        name === "a.test"
          ? Promise.resolve([{ preference: 1, exchange: "mail.spam.test" }])
          : name === "b.test"
          ? Promise.resolve([{ preference: 1, exchange: "b-mx.test" }])
          : missing(name)) as never,
      host: ((name: string) =>
        name === "evil.test"
          ? Promise.resolve([{ family: 4, address: "198.51.100.7" }])
          : name === "b-mx.test"
          ? Promise.resolve([{ family: 4, address: "192.0.2.66" }])
          : unknown(name)) as never,
    },
  });
  const rcpt = "RCPT TO:<alice@example.com>";
  const from = (address: string, helo = "fine.test") =>
    talk(server.port, [`EHLO ${helo}`, `MAIL FROM:<${address}>`, rcpt]).then((replies) => replies[2]);
  assert.equal(await from("x@a.test"), "554 5.7.1 <x@a.test>: Sender address rejected: spam MX");
  assert.equal(await from("x@b.test"), "450 4.7.1 <x@b.test>: Sender address rejected: later");
  assert.equal(await from("x@ok.test"), "451 4.3.5 Server configuration error");
  assert.equal(await from("x@[192.0.2.66]"), "450 4.7.1 <x@[192.0.2.66]>: Sender address rejected: later");
  assert.equal(await from("x@c.test", "evil.test"), "554 5.7.1 <evil.test>: Helo command rejected: bad net");
  assert.ok(
    server.sink.lines().some((line) => line.includes("check_sender_mx_access returns OK for x@ok.test")),
  );
  await server.close();
});

Deno.test("addressFilter: numbers, ranges, nonsense", () => {
  const filter = addressFilter("127.0.[0;2].[1..3;9]")!;
  assert.deepEqual(["127.0.0.1", "127.0.2.9", "127.0.1.1", "127.0.0.4"].map(filter), [
    true,
    true,
    false,
    false,
  ]);
  for (const bad of ["127.0.0", "127.0.0.x", "127.0.0.[3..1]", "127.0.0.256", "127.0.0.1.1"]) {
    assert.equal(addressFilter(bad), undefined, bad);
  }
});

Deno.test("a restriction class that names itself refuses the mail that gets there, and nothing else", async () => {
  const server = startSmtpd({
    ...settings,
    smtpd_restriction_classes: "loop",
    loop: "loop",
    smtpd_relay_restrictions: "loop",
    smtpd_recipient_restrictions: "reject_unauth_destination",
  });
  const replies = await talk(server.port, [
    "EHLO fine.test",
    "MAIL FROM:<x@y.test>",
    "RCPT TO:<alice@example.com>",
    "QUIT",
  ]);
  assert.equal(replies[2], "451 4.3.5 Server configuration error");
  assert.match(replies[3]!, /^221/);
  assert.ok(
    server.sink.lines().includes("warning: restriction classes cause unreasonable recursion"),
  );
  await server.close();
});

Deno.test("a list out of an access table names in its refusals what was looked up", async () => {
  const server = startSmtpd({
    ...settings,
    smtpd_restriction_classes: "local_only",
    local_only: "check_recipient_access inline:{example.com=OK}, reject",
    smtpd_relay_restrictions: "permit_mynetworks, permit",
    smtpd_recipient_restrictions:
      "check_sender_access inline:{foo@example.com=local_only}, check_recipient_access inline:{x@y.test=local_only}, reject",
  });
  const from = (sender: string, recipient: string) =>
    talk(server.port, ["EHLO fine.test", `MAIL FROM:<${sender}>`, `RCPT TO:<${recipient}>`])
      .then((replies) => replies[2]);
  assert.equal(await from("foo@example.com", "alice@example.com"), "250 2.1.5 Ok");
  // As Postfix does it.
  assert.equal(
    await from("foo@example.com", "bar@else.test"),
    "554 5.7.1 <foo@example.com>: Sender address rejected: Access denied",
  );
  assert.equal(
    await from("a@b.test", "x@y.test"),
    "554 5.7.1 <x@y.test>: Recipient address rejected: Access denied",
  );
  assert.equal(
    await from("a@b.test", "z@y.test"),
    "554 5.7.1 <z@y.test>: Recipient address rejected: Access denied",
  );
  const empty = await talk(server.port, ["EHLO fine.test", "MAIL FROM:<a@b.test> ENVID="]);
  assert.equal(empty[1], "501 5.5.4 Bad ENVID parameter syntax");
  await server.close();
});

Deno.test("smtpd_log_access_permit_actions: one line for each list that permits", async () => {
  const server = startSmtpd({
    ...settings,
    mynetworks: "127.0.0.0/8",
    smtpd_log_access_permit_actions: "static:all",
    smtpd_relay_restrictions: "permit_mynetworks, reject",
    smtpd_recipient_restrictions: "check_sender_access inline:{a@b.test=OK}, reject",
  });
  await talk(server.port, ["EHLO fine.test", "MAIL FROM:<a@b.test>", "RCPT TO:<alice@example.com>"]);
  await server.close();
  const rest = "from=<a@b.test> to=<alice@example.com> proto=ESMTP helo=<fine.test>";
  // The words of Postfix 3.7.11.
  assert.deepEqual(server.sink.lines().filter((line) => line.includes("permit:")), [
    `NOQUEUE: permit: RCPT from localhost[127.0.0.1]: action=permit_mynetworks for Client host=localhost[127.0.0.1] ; ${rest}`,
    `NOQUEUE: permit: RCPT from localhost[127.0.0.1]: action=OK for Sender address=a@b.test from inline:{a@b.test=OK}; ${rest}`,
  ]);
});

Deno.test("actions for a message hold at MAIL too, but not before it, nor at ETRN", async () => {
  const server = startSmtpd({
    ...settings,
    smtpd_delay_reject: "no",
    fast_flush_domains: "example.net",
    smtpd_relay_restrictions: "reject_unauth_destination",
    smtpd_client_restrictions: "check_client_access inline:{127.0.0.1=HOLD}",
    smtpd_sender_restrictions: "check_sender_access inline:{s@good.test=DISCARD}",
    smtpd_etrn_restrictions: "check_etrn_access inline:{example.net=HOLD}",
  });
  await talk(server.port, [
    "EHLO fine.test",
    "ETRN example.net",
    "MAIL FROM:<s@good.test>",
    "RCPT TO:<alice@example.com>",
    "DATA",
    "Subject: hello\r\n\r\n.",
  ]);
  await server.close();
  // Cleanup is told before the content comes.
  const records = decodeText(server.cleanup.stored[0]!.records);
  assert.ok(records.includes(`${String.fromCharCode(RecordType.Flags)}\x01${CleanupFlag.Discard}M\0`));
  const lines = server.sink.lines().filter((line) => /HOLD|DISCARD/.test(line));
  assert.deepEqual(lines, [
    "warning: access table inline:{127.0.0.1=HOLD}: with smtpd_delay_reject=no, action HOLD is always skipped in Client host or Helo command restrictions",
    "warning: access table inline:{example.net=HOLD}: action HOLD is unavailable in smtpd_etrn_restrictions",
    "NOQUEUE: discard: MAIL from localhost[127.0.0.1]: <s@good.test>: Sender address triggers DISCARD action; " +
    "from=<s@good.test> proto=ESMTP helo=<fine.test>",
  ]);
});

Deno.test("a BCC action adds a recipient whose fate the sender never hears of", async () => {
  const server = startSmtpd({
    ...settings,
    smtpd_relay_restrictions: "reject_unauth_destination",
    smtpd_sender_restrictions: "check_sender_access inline:{{s@good.test=BCC copy@example.com}}",
  });
  await talk(server.port, [
    "EHLO fine.test",
    "MAIL FROM:<s@good.test>",
    "RCPT TO:<alice@example.com> NOTIFY=FAILURE",
    "DATA",
    "Subject: hello\r\n\r\n.",
  ]);
  await server.close();
  const cursor = new RecordCursor(server.cleanup.stored[0]!.records);
  const told: string[] = [];
  while (cursor.next()) {
    const text = decodeText(cursor.data());
    if (cursor.type === RecordType.Recipient || text.startsWith("notify_flags=")) told.push(text);
  }
  assert.deepEqual(told, [
    `notify_flags=${Notify.Failure}`,
    "alice@example.com",
    `notify_flags=${Notify.Never}`,
    "copy@example.com",
  ]);
});

Deno.test("reject_unknown_sender_domain looks up the domain that routing completes an address with", async () => {
  const asked: string[] = [];
  const gone = (name: string) => {
    asked.push(name);
    return Promise.reject(new DnsError("notFound", name, "MX", "not found"));
  };
  const server = startSmtpd({
    ...settings,
    myorigin: "missing.test",
    smtpd_sender_restrictions: "reject_unknown_sender_domain",
  }, { resolver: { ...loopbackResolver, mx: gone, query: gone as never } });
  const replies = await talk(server.port, [
    "EHLO fine.test",
    "MAIL FROM:<short>",
    "RCPT TO:<alice@example.com>",
  ]);
  assert.equal(replies[2], "450 4.1.8 <short>: Sender address rejected: Domain not found");
  assert.deepEqual([...new Set(asked)], ["missing.test"]);
  await server.close();
});
