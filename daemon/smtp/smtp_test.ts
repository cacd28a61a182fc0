import assert from "node:assert/strict";
import { type ContentReader, Notify, QueueFileError } from "../../core/queue/types.ts";
import { type Bench, mail, makeBench, makeRequest } from "./double_testing.ts";
import { type FakeServer, type FakeServerOptions, startFakeServer } from "./testing.ts";
import { randomNumbers } from "../../testdata/random.ts";

/** Time limits that tests can wait for. */
const QUICK = ["helo", "mail", "rcpt", "data_init", "data_xfer", "data_done", "rset", "quit"]
  .map((name) => `smtp_${name}_timeout = 1s`).join("\n");

/** Delivers one message to a server and says what became of it, without the server's address. */
async function outcome(
  options: FakeServerOptions,
  request: { lines?: readonly string[]; main?: string } = {},
) {
  await using server = startFakeServer(options);
  await using bench = makeBench({ main: `${QUICK}\n${request.main ?? ""}` });
  const reply = await mail(bench, {
    nexthop: `[127.0.0.1]:${server.port}`,
    ...(request.lines === undefined ? {} : { lines: request.lines }),
  });
  const told = bench.told().map((line) => line.replaceAll(/127\.0\.0\.1\[127\.0\.0\.1\](:\d+)?/g, "HOST"));
  return {
    reply,
    told,
    messages: server.sessions.flatMap((session) => session.messages),
    lines: bench.lines(),
  };
}

Deno.test("smtp client: a message goes over the wire, the envelope in one piece", async () => {
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
  const envelope = "MAIL FROM:<from@client.test> SIZE=30 BODY=7BIT\r\n" +
    "RCPT TO:<a@example.test> ORCPT=rfc822;a@example.test\r\n" +
    "RCPT TO:<b@example.test> ORCPT=rfc822;b@example.test\r\nDATA\r\n";
  assert.deepEqual(server.sessions[0]!.reads, [
    "EHLO client.test\r\n",
    envelope,
    "Subject: test\r\n\r\nHello\r\n..dot\r\n.\r\nQUIT\r\n",
  ]);
  assert.deepEqual(bench.lines(), []);
});

Deno.test("smtp client: twenty deliveries at a time share twenty sessions", async () => {
  await using server = startFakeServer();
  await using bench = makeBench();
  const nexthop = `[127.0.0.1]:${server.port}`;
  const worker = async () => {
    for (let count = 0; count < 10; count++) {
      assert.deepEqual(await mail(bench, { nexthop, reuse: true }), { finished: true });
    }
  };
  await Promise.all(Array.from({ length: 20 }, worker));
  assert.equal(bench.fates.length, 200);
  assert.ok(server.sessions.length <= 20, `${server.sessions.length} sessions`);
  assert.equal(server.sessions.reduce((sum, session) => sum + session.messages.length, 0), 200);
  assert.ok(bench.fates.some((fate) => fate.reuse === 10));
  assert.deepEqual(bench.lines(), []);
});

Deno.test("smtp client: a kept session that the server ended is replaced without a word", async (t) => {
  const endings: Record<string, FakeServerOptions["on"]> = {
    "closed while idle": {
      ".": [{ steps: ["250 2.0.0 Ok", { wait: 30, then: { do: "close" } }] }, "250 2.0.0 Ok"],
    },
    "said 421 while idle": {
      ".": [
        { steps: ["250 2.0.0 Ok", { wait: 30, then: "421 4.4.2 idle" }, { do: "close" }] },
        "250 2.0.0 Ok",
      ],
    },
    "closed at the next command": { MAIL: ["250 ok", { do: "close" }, "250 ok"] },
    "said 421 to the next command": { MAIL: ["250 ok", "421 4.4.2 idle", "250 ok"] },
  };
  for (const [name, on] of Object.entries(endings)) {
    await t.step(name, async () => {
      await using server = startFakeServer({ on: on! });
      await using bench = makeBench();
      const nexthop = `[127.0.0.1]:${server.port}`;
      for (let count = 0; count < 2; count++) {
        assert.deepEqual(await mail(bench, { nexthop, reuse: true }), { finished: true });
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      assert.deepEqual(bench.fates.map((fate) => `${fate.status} ${fate.reuse}`), ["sent 0", "sent 0"]);
      assert.equal(server.sessions.length, 2);
      assert.deepEqual(bench.lines(), []);
    });
  }
});

Deno.test("smtp client: an idle session is ended with QUIT after its time", async () => {
  await using server = startFakeServer();
  await using bench = makeBench({ main: "smtp_connection_cache_time_limit = 1s" });
  await mail(bench, { nexthop: `[127.0.0.1]:${server.port}`, reuse: true });
  const session = server.sessions[0]!;
  assert.equal(session.commands.at(-1), "DATA");
  for (let waited = 0; waited < 300 && !session.ended; waited++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(session.commands.at(-1), "QUIT");
});

Deno.test("smtp client: replies without end are cut off", async (t) => {
  const floods: Record<string, FakeServerOptions["on"]> = {
    "greeting lines": { greeting: { endless: "220-still here\r\n".repeat(100) } },
    "greeting garbage": { greeting: { endless: "\0\xff nothing\r\n".repeat(100) } },
    "ehlo lines": { EHLO: { endless: "250-KEYWORD\r\n".repeat(100) } },
  };
  for (const [name, on] of Object.entries(floods)) {
    await t.step(name, async () => {
      const { told, reply } = await outcome({ on: on! });
      assert.equal(reply.finished, false);
      assert.match(told[0]!, /^deferred 4\.4\.2 HOST reply without end from HOST while /);
      assert.equal(reply.destinationTrouble?.status, "4.4.2");
    });
  }
  await t.step("a line without end", async () => {
    const { told } = await outcome({ on: { greeting: { endless: "220 " + "x".repeat(60000) } } });
    assert.match(told[0]!, /^deferred 4\.4\.2 HOST reply without end from HOST while /);
  });
});

const BIG = Array.from({ length: 120_000 }, (_, at) => `line ${at} ${"x".repeat(64)}`);

Deno.test("smtp client: a server that stops reading runs into the time limit of the transfer", async () => {
  const { told } = await outcome({ bodyBytes: 1, on: { body: { do: "stall" } } }, { lines: BIG });
  assert.deepEqual(told, ["deferred 4.4.2 HOST conversation with HOST timed out while sending message body"]);
});

Deno.test("smtp client: a server that refuses in the middle of the content is heard", async () => {
  const on = { body: { steps: ["552 5.3.4 too big", { do: "close" as const }] } };
  const { told, messages } = await outcome({ bodyBytes: 100_000, on }, { lines: BIG });
  assert.deepEqual(told, [
    "bounced 5.3.4 HOST host HOST said: 552 5.3.4 too big (in reply to end of DATA command)",
  ]);
  assert.deepEqual(messages, []);
});

Deno.test("smtp client: a reset or a premature success in the middle of the content defers", async () => {
  const reset = await outcome({ bodyBytes: 100_000, on: { body: { do: "reset" } } }, { lines: BIG });
  assert.deepEqual(reset.told, ["deferred 4.4.2 HOST lost connection with HOST while sending message body"]);
  const on = { body: { steps: ["250 2.0.0 Ok", { do: "close" as const }] } };
  const early = await outcome({ bodyBytes: 100_000, on }, { lines: BIG });
  assert.match(early.told[0]!, /^deferred 4\.4\.2 /);
});

Deno.test("smtp client: the answer to QUIT is no answer to the content", async () => {
  const { told } = await outcome({ on: { ".": { raw: "" } } });
  assert.match(told[0]!, /^deferred 4\.4\.2 HOST lost connection with HOST while sending end of data/);
});

Deno.test("smtp client: seven megabytes arrive as they were, a thousand recipients each get their answer", async () => {
  const recipients = Array.from({ length: 1000 }, (_, at) => `user${at}@example.test`);
  const on = { "RCPT TO:<user500@example.test> ORCPT=rfc822;user500@example.test": "550 5.1.1 no such user" };
  await using server = startFakeServer({ on });
  await using bench = makeBench();
  const reply = await mail(bench, { nexthop: `[127.0.0.1]:${server.port}`, recipients, lines: BIG });
  assert.deepEqual(reply, { finished: true });
  assert.equal(server.sessions[0]!.messages[0], BIG.join("\r\n") + "\r\n");
  const bounced = bench.fates.filter((fate) => fate.status === "bounced").map((fate) => fate.to);
  assert.deepEqual([bench.fates.length, bounced], [1000, ["user500@example.test"]]);
});

/** A reader whose content breaks off after some lines. */
function brokenReader(): ContentReader {
  const bytes = new TextEncoder().encode("line of the message");
  let count = 0;
  return {
    type: 0x4e,
    bytes,
    start: 0,
    end: bytes.length,
    next() {
      if (++count > 5000) throw new QueueFileError("active/X: record is cut off at offset 9", "corrupt");
      return true;
    },
    rewind() {},
    close() {},
  };
}

Deno.test("smtp client: a damaged queue file is never delivered as a whole message", async () => {
  await using server = startFakeServer();
  const modes: number[] = [];
  await using bench = makeBench({
    queue: (queue) => ({
      openContent: brokenReader,
      setMode: (name, id, mode) => {
        modes.push(mode);
        queue.setMode(name, id, mode);
      },
    }),
  });
  const reply = await mail(bench, { nexthop: `[127.0.0.1]:${server.port}` });
  assert.deepEqual(reply, { finished: false });
  assert.match(bench.told()[0]!, /^deferred 4\.3\.0 .* unreadable mail queue entry$/);
  assert.match(
    bench.lines()[0]!,
    /cannot read the message content: active\/X: record is cut off at offset 9/,
  );
  assert.deepEqual([server.sessions[0]!.messages, modes], [[], [0o400]]);
});

Deno.test("smtp client: NOTIFY=SUCCESS is left to a server that knows DSN", async () => {
  for (
    const [keywords, expected] of [[["DSN"], Notify.Failure], [[], Notify.Failure | Notify.Success]] as const
  ) {
    await using server = startFakeServer({ keywords });
    await using bench = makeBench();
    const notify = Notify.Success | Notify.Failure;
    await mail(bench, {
      nexthop: `[127.0.0.1]:${server.port}`,
      recipients: [{ address: "to@example.test", notify }],
    });
    assert.equal(bench.fates[0]!.recipient.notify, expected);
    assert.equal(bench.fates[0]!.detail.action, "relayed");
  }
});

Deno.test("smtp client: XFORWARD tells what the server wants to know", async () => {
  await using server = startFakeServer({ keywords: ["XFORWARD NAME ADDR PROTO HELO SOURCE"] });
  await using bench = makeBench({ main: "smtp_send_xforward_command = yes" });
  await mail(bench, {
    nexthop: `[127.0.0.1]:${server.port}`,
    request: {
      attributes: new Map([
        ["log_client_name", "unknown"],
        ["log_client_address", "192.0.2.1"],
        ["log_client_port", "4711"],
        ["log_protocol_name", "ESMTP"],
        ["log_helo_name", "a=b"],
        ["rewrite_context", "remote"],
      ]),
    },
  });
  assert.deepEqual(server.sessions[0]!.commands.slice(1, 3), [
    "XFORWARD ADDR=192.0.2.1",
    "XFORWARD PROTO=ESMTP HELO=a+3Db SOURCE=REMOTE",
  ]);
});

Deno.test("smtp client: where no mechanism keeps the password secret, mail waits", async () => {
  await using server = startFakeServer({ keywords: ["AUTH PLAIN LOGIN"] });
  const main = "smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = inline:{[127.0.0.1]:PORT=joe:secret}";
  await using bench = makeBench({ main: main.replace("PORT", String(server.port)) });
  await mail(bench, { nexthop: `[127.0.0.1]:${server.port}` });
  assert.match(
    bench.told()[0]!,
    /^deferred 4\.7\.0 .* SASL authentication failed; cannot authenticate to server /,
  );
  assert.deepEqual(server.sessions[0]!.messages, []);
  await mail(bench, { nexthop: `127.0.0.1:${server.port}` });
  assert.match(bench.told()[0]!, /^sent /);
});

Deno.test("smtp client: flags=DORX adds headers and stops loops", async () => {
  await using server = startFakeServer();
  await using bench = makeBench({ flags: "DORX" });
  const nexthop = `[127.0.0.1]:${server.port}`;
  const recipients = [{ address: "to@example.test", original: "alias@example.test" }];
  await mail(bench, { nexthop, recipients, lines: ["Subject: x", "", "body"] });
  const added = [
    "Return-Path: <from@client.test>",
    "X-Original-To: alias@example.test",
    "Delivered-To: to@example.test",
  ];
  assert.equal(server.sessions[0]!.messages[0], [...added, "Subject: x", "", "body", ""].join("\r\n"));
  assert.equal(bench.fates[0]!.detail.action, "delivered");
  await mail(bench, { nexthop, recipients, lines: ["delivered-to: TO@example.test", "", "body"] });
  assert.equal(bench.told()[1], "bounced 5.4.6 none mail forwarding loop for to@example.test");
});

Deno.test("smtp client: best_mx_transport takes mail that would loop", async () => {
  const passed: string[] = [];
  await using bench = makeBench({
    main: "best_mx_transport = local",
    passTo: (transport, request) => {
      passed.push(`${transport} ${request.recipients.map((recipient) => recipient.address).join(",")}`);
      return Promise.resolve({ finished: true });
    },
  });
  assert.deepEqual(await mail(bench, { nexthop: "[127.0.0.9]:25" }), { finished: true });
  assert.deepEqual([passed, bench.told()], [["local to@example.test"], []]);
});

Deno.test("smtp client: smtp_bind_address is where connections come from", async () => {
  await using server = startFakeServer();
  await using bench = makeBench({ main: "smtp_bind_address = 127.0.0.77" });
  const reply = await mail(bench, { nexthop: `[127.0.0.1]:${server.port}`, lines: BIG });
  assert.deepEqual(reply, { finished: true });
  assert.equal(server.sessions[0]!.client, "127.0.0.77");
  assert.equal(server.sessions[0]!.messages[0], BIG.join("\r\n") + "\r\n");
});

Deno.test("smtp client: stop ends idle sessions politely and cuts running deliveries off", async () => {
  await using server = startFakeServer({ on: { ".": ["250 2.0.0 Ok", { do: "hang" }] } });
  const bench = makeBench();
  const nexthop = `[127.0.0.1]:${server.port}`;
  await mail(bench, { nexthop, reuse: true });
  const running = mail(bench, { nexthop });
  for (let waited = 0; waited < 200 && server.sessions[1]?.messages.length !== 1; waited++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await bench.client.stop(0.1);
  assert.equal((await running).finished, false);
  assert.deepEqual(bench.fates.map((fate) => fate.status), ["sent", "deferred"]);
  await server.close();
  assert.equal(server.sessions[0]!.commands.at(-1), "QUIT");
});

Deno.test("smtp client: replaced by a reload, it lets running deliveries come to their end", async () => {
  await using server = startFakeServer({ on: { ".": { wait: 300, then: "250 2.0.0 Ok" } } });
  const bench = makeBench();
  const running = mail(bench, { nexthop: `[127.0.0.1]:${server.port}` });
  for (let waited = 0; waited < 2000 && server.sessions[0]?.messages.length !== 1; waited++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await bench.client.stop(Infinity);
  assert.deepEqual(await running, { finished: true });
  assert.deepEqual(bench.fates.map((fate) => fate.status), ["sent"]);
});

Deno.test("smtp client: whatever a server says, every recipient has exactly one fate (fixed seed)", async () => {
  const random = randomNumbers(20261123);
  const words = [
    "250 ok",
    "250-",
    "354 go",
    "450 4.1.1 x",
    "550 5.7.1 y",
    "421 bye",
    "garbage",
    "",
    "99",
    "2500 x",
    "220 z",
    "\0\xff",
  ];
  const step = () => {
    const kind = random(12);
    if (kind === 0) return { do: "close" as const };
    const lines = Array.from({ length: 1 + random(2) }, () => words[random(words.length)]!);
    return {
      steps: [{ raw: lines.join("\r\n") + "\r\n" }, ...(random(3) === 0 ? [{ do: "close" as const }] : [])],
    };
  };
  const points = ["greeting", "EHLO", "HELO", "MAIL", "RCPT", "DATA", ".", "RSET"];
  await Promise.all(Array.from({ length: 150 }, async () => {
    const on = Object.fromEntries(points.filter(() => random(4) === 0).map((point) => [point, step()]));
    const count = 1 + random(3);
    await using server: FakeServer = startFakeServer({ on });
    await using bench: Bench = makeBench({ main: QUICK });
    const recipients = Array.from({ length: count }, (_, at) => `u${at}@example.test`);
    const request = await makeRequest(bench.queue, { nexthop: `[127.0.0.1]:${server.port}`, recipients });
    const reply = await bench.client.deliver(request);
    assert.deepEqual(bench.fates.map((fate) => fate.to).sort(), recipients, JSON.stringify(on));
    assert.equal(reply.finished, bench.fates.every((fate) => fate.status !== "deferred"));
    assert.equal(reply.transportTrouble, undefined);
  }));
});
