/** What `-v` and debug_peer_list add to the log, and what they never do. */
import assert from "node:assert/strict";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { startSmtpd } from "./testing.ts";

async function say(port: number, text: string): Promise<void> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(4096);
  // One command at a time: a client that hurries is another subject.
  await conn.read(buffer);
  for (const line of text.split("\n")) {
    await conn.write(new TextEncoder().encode(`${line}\r\n`));
    await conn.read(buffer);
  }
  conn.close();
}

const BASE = {
  local_recipient_maps: "",
  myhostname: "server.test",
  smtpd_relay_restrictions: "permit_mynetworks, reject_unauth_destination",
};
const SESSION = "HELO there\nAUTH PLAIN c2VjcmV0\nc2VjcmV0\nMAIL FROM:<a@b.test>\nRCPT TO:<c@d.test>\nQUIT";

Deno.test("debug_peer_list: the conversation and the restrictions are logged, passwords are not", async () => {
  const service = startSmtpd({
    ...BASE,
    debug_peer_list: "127.0.0.0/8",
    mynetworks: "127.0.0.0/8",
  });
  await say(service.port, SESSION);
  await service.idle();
  const lines = service.sink.lines();
  await service.close();
  const said = lines.filter((line) => /^[<>] /.test(line));
  assert.deepEqual(said, [
    "> localhost[127.0.0.1]: 220 server.test ESMTP Postel",
    "< localhost[127.0.0.1]: HELO there",
    "> localhost[127.0.0.1]: 250 server.test",
    "< localhost[127.0.0.1]: AUTH PLAIN (not shown)",
    "> localhost[127.0.0.1]: 503 5.5.1 Error: authentication not enabled",
    "< localhost[127.0.0.1]: (not shown)",
    "> localhost[127.0.0.1]: 500 5.5.2 Error: command not recognized",
    "< localhost[127.0.0.1]: MAIL FROM:<a@b.test>",
    "> localhost[127.0.0.1]: 250 2.1.0 Ok",
    "< localhost[127.0.0.1]: RCPT TO:<c@d.test>",
    "> localhost[127.0.0.1]: 250 2.1.5 Ok",
    "< localhost[127.0.0.1]: QUIT",
    "> localhost[127.0.0.1]: 221 2.0.0 Bye",
  ]);
  assert.ok(lines.includes("generic_checks: name=permit_mynetworks status=1"), lines.join("\n"));
  assert.ok(!lines.join("\n").includes("c2VjcmV0"));
});

Deno.test("smtpd -v: every client; nothing of it without, or for a client that is not listed", async () => {
  const verbose = memorySink();
  for (
    const [settings, log] of [
      [{}, new Logger(verbose, "postfix/smtpd").louder(1)],
      [{ debug_peer_list: "192.0.2.1, example.com" }, undefined],
    ] as const
  ) {
    const service = startSmtpd({ ...BASE, ...settings }, log === undefined ? {} : { log });
    await say(service.port, SESSION);
    await service.idle();
    const lines = (log === undefined ? service.sink : verbose).lines();
    await service.close();
    assert.equal(lines.includes("< localhost[127.0.0.1]: HELO there"), log !== undefined);
  }
});

Deno.test("the responses of an AUTH exchange are not logged", async () => {
  const directory = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${directory}/smtpd.conf`, "pwcheck_method: auxprop\nmech_list: LOGIN\n");
  const service = startSmtpd({
    ...BASE,
    debug_peer_list: "127.0.0.1",
    smtpd_sasl_auth_enable: "yes",
    smtpd_sasl_security_options: "",
    cyrus_sasl_config_path: directory,
  });
  await say(
    service.port,
    "EHLO there\nAUTHPLAIN c2VjcmV0\nauth=plain c2VjcmV0\nAUTH LOGIN\ndXNlcg==\nc2VjcmV0\nQUIT",
  );
  await service.idle();
  const text = service.sink.lines().join("\n");
  await service.close();
  Deno.removeSync(directory, { recursive: true });
  assert.match(text, /^< localhost\[127\.0\.0\.1\]: AUTH LOGIN$/m);
  assert.match(text, /^< localhost\[127\.0\.0\.1\]: \(authentication data, not shown\)$/m);
  assert.match(text, /^> localhost\[127\.0\.0\.1\]: 334 \(challenge, not shown\)$/m);
  assert.equal(text.split(": AUTH... (not shown)\n").length, 3);
  assert.ok(!text.includes("c2VjcmV0") && !text.includes("dXNlcg=="), text);
});
