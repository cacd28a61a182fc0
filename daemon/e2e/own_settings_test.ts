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
