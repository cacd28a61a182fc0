/** What debug_peer_list adds to the client's log, and what it never does. */
import assert from "node:assert/strict";
import { mail, makeBench } from "./double_testing.ts";
import { startFakeServer } from "./testing.ts";

async function conversation(main: string): Promise<string[]> {
  await using server = startFakeServer({
    keywords: ["PIPELINING", "AUTH PLAIN"],
    // A server that quotes what it was told.
    on: { AUTH: "235 2.7.0 welcome AGFsaWNlAHRvcHNlY3JldA==" },
  });
  await using bench = makeBench({
    main: `smtp_sasl_auth_enable = yes\nsmtp_sasl_security_options =\n` +
      `smtp_sasl_password_maps = static:alice:topsecret\n${main}`,
  });
  assert.deepEqual(await mail(bench, { nexthop: `[127.0.0.1]:${server.port}` }), { finished: true });
  return bench.lines().map((line) => line.replaceAll(/127\.0\.0\.1\[127\.0\.0\.1\]:\d+/g, "HOST"));
}

Deno.test("smtp client: debug_peer_list logs the conversation without the password", async () => {
  assert.deepEqual(await conversation("debug_peer_list = 127.0.0.1"), [
    "< HOST: 220 fake.test ESMTP",
    "> HOST: EHLO client.test",
    "< HOST: 250-fake.test",
    "< HOST: 250-PIPELINING",
    "< HOST: 250 AUTH PLAIN",
    "> HOST: AUTH PLAIN (not shown)",
    "< HOST: 235 2.7.0 (not shown)",
    "> HOST: MAIL FROM:<from@client.test>",
    "> HOST: RCPT TO:<to@example.test>",
    "> HOST: DATA",
    "< HOST: 250 2.1.0 Ok",
    "< HOST: 250 2.1.5 Ok",
    "< HOST: 354 go",
    "> HOST: .",
    "> HOST: QUIT",
    "< HOST: 250 2.0.0 Ok: queued as FAKE",
  ]);
});

Deno.test("smtp client: nothing of it for other servers", async () => {
  assert.deepEqual(await conversation("debug_peer_list = 192.0.2.1"), []);
});
