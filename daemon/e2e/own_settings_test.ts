/** Settings of a service in master.cf (`-o`) that say which recipients and senders there are. */
import assert from "node:assert/strict";
import { startAuthServer } from "../../testdata/sasl/auth_server.ts";
import { connectSmtp, freePort, startInstance } from "../master/testing.ts";

Deno.test("a service's own recipient tables and login maps count", async () => {
  const authentication = startAuthServer();
  const port = freePort();
  await using instance = await startInstance({
    main: [
      "local_recipient_maps = inline:{bob=x}",
      "smtpd_sender_login_maps = inline:{nobody@example.com=nobody}",
    ],
    master: [
      `127.0.0.1:${port} inet n - n - - smtpd -o { local_recipient_maps = inline:{alice=x} }`,
      " -o { smtpd_sender_login_maps = inline:{joe@example.org=right} } -o smtpd_sasl_auth_enable=yes",
      ` -o smtpd_sasl_type=dovecot -o smtpd_sasl_path=inet:127.0.0.1:${authentication.port}`,
      " -o smtpd_recipient_restrictions=reject_sender_login_mismatch",
    ],
  });
  const answers = async (at: number, commands: readonly string[]) => {
    const client = await connectSmtp(at);
    const codes: string[] = [];
    for (const command of ["EHLO client.example", ...commands]) {
      codes.push((await client.say(command)).slice(0, 3));
    }
    client.close();
    return codes.slice(1);
  };
  const recipients = [
    "MAIL FROM:<a@client.example>",
    "RCPT TO:<alice@example.com>",
    "RCPT TO:<bob@example.com>",
  ];
  assert.deepEqual(await answers(instance.port, recipients), ["250", "550", "250"]);
  assert.deepEqual(await answers(port, recipients), ["250", "250", "550"]);
  const owned = ["MAIL FROM:<joe@example.org>", "RCPT TO:<alice@example.com>"];
  assert.deepEqual(await answers(port, owned), ["250", "553"]);
  await instance.logged(/ 553 5\.7\.1 <joe@example\.org>: Sender address rejected: not logged in;/);
  const login = `AUTH PLAIN ${btoa("\0right\0secret")}`;
  assert.deepEqual(await answers(port, [login, ...owned]), ["235", "250", "250"]);
  await authentication.close();
});

Deno.test("the services behind the scenes have settings of their own as well", async () => {
  await using instance = await startInstance({
    main: [
      "fast_flush_domains =",
      "notify_classes =",
      "smtpd_client_event_limit_exceptions =",
      "address_verify_poll_delay = 1s",
      "smtpd_reject_unlisted_recipient = no",
      "relay_domains = gone.example, fine.example",
      "smtpd_recipient_restrictions = check_recipient_access inline:{probed@gone.example=reject_unverified_recipient}",
    ],
    master: [
      "rewrite unix - - n - - trivial-rewrite",
      " -o { transport_maps = inline:{",
      " {gone.example=error:5.1.1 gone} {fine.example=discard:} {later.example=smtp:[127.0.0.1]:79} } }",
      "bounce unix - - n - 0 bounce -o mail_name=Bouncer",
      "trace unix - - n - 0 bounce -o mail_name=Tracer",
      "qmgr unix n - n 300 1 qmgr -o defer_transports=smtp",
      "flush unix n - n 1000? 0 flush -o fast_flush_domains=later.example",
      "showq unix n - n - - showq -o empty_address_recipient=NOBODY",
      "verify unix - - n - 1 verify -o address_verify_sender=prober",
      "anvil unix - - n - 1 anvil -o syslog_name=own",
    ],
  });
  const client = await connectSmtp(instance.port);
  for (
    const command of [
      "EHLO client.example",
      "MAIL FROM:<sender@later.example>",
      "RCPT TO:<failing@gone.example>",
      "RCPT TO:<someone@fine.example> NOTIFY=SUCCESS",
      "DATA",
    ]
  ) assert.match(await client.say(command), /^[23]/, command);
  assert.match(await client.say("Subject: x\r\n\r\nHello\r\n."), /^250/);
  // bounce, trace and qmgr: the notices wait in the queue, which says who made them.
  for (const [kind, maker] of [["non-delivery", "Bouncer"], ["delivery status", "Tracer"]]) {
    const line = await instance.logged(new RegExp(`sender ${kind} notification: \\w+`));
    const id = line.slice(line.lastIndexOf(" ") + 1);
    await instance.logged(new RegExp(`${id}: .*status=deferred \\(deferred transport\\)`));
    const { stdout } = await instance.run(["postcat", "-q", id]);
    assert.ok(stdout.includes(`Received: by mx.example.com (${maker})`), stdout);
  }
  assert.match((await instance.run(["postqueue", "-p"])).stdout, / NOBODY\n/);
  assert.equal((await instance.run(["postqueue", "-s", "later.example"])).code, 0);
  await client.say("MAIL FROM:<sender@later.example>");
  await client.say("RCPT TO:<probed@gone.example>");
  await instance.logged(/from=<prober@\S+>, size=/);
  client.close();
  await instance.stop();
  assert.match(instance.log(), / own\/anvil\[\d+\]: statistics: max connection rate/);
});
