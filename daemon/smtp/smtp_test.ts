import assert from "node:assert/strict";
import { startFakeServer } from "./testing.ts";
import { mail, makeBench } from "./double_testing.ts";

Deno.test("smtp client: a message goes over the wire", async () => {
  await using server = startFakeServer();
  await using bench = makeBench();
  const reply = await mail(bench, {
    nexthop: `[127.0.0.1]:${server.port}`,
    recipients: ["a@example.test", "b@example.test"],
  });
  assert.deepEqual(reply, { finished: true });
  const relay = `127.0.0.1[127.0.0.1]:${server.port}`;
  assert.deepEqual(bench.told(), [
    `sent 2.0.0 ${relay} 250 2.0.0 Ok: queued as FAKE`,
    `sent 2.0.0 ${relay} 250 2.0.0 Ok: queued as FAKE`,
  ]);
  const session = server.sessions[0]!;
  assert.deepEqual(session.messages, ["Subject: test\r\n\r\nHello\r\n..dot\r\n"]);
  assert.deepEqual(session.commands, [
    "EHLO client.test",
    "MAIL FROM:<from@client.test> SIZE=30 BODY=7BIT",
    "RCPT TO:<a@example.test> ORCPT=rfc822;a@example.test",
    "RCPT TO:<b@example.test> ORCPT=rfc822;b@example.test",
    "DATA",
    "QUIT",
  ]);
  assert.deepEqual(bench.lines(), []);
});
