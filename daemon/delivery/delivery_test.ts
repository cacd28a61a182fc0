import assert from "node:assert/strict";
import { configFromText } from "../../core/config/mod.ts";
import { AttributeError, AttributeReader, AttributeWriter } from "../../core/ipc/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { Notify, type Recipient } from "../../core/queue/types.ts";
import { createDiscardAgent } from "../discard/mod.ts";
import { createErrorAgent } from "../error/mod.ts";
import {
  type BounceService,
  createRecorder,
  createRemoteAgent,
  DeliveryChannel,
  DeliveryFlag,
  type DeliveryReply,
  type DeliveryRequest,
  formatDelay,
  readRequest,
  serveDelivery,
  serveDeliveryChannel,
  splitReason,
  writeRequest,
} from "./mod.ts";
import { decodeTimes, encodeTimes } from "./stats_codec.ts";
import { randomNumbers } from "../../testdata/random.ts";

const JOE: Recipient = {
  address: "joe@example.com",
  original: "joe@example.com",
  dsnOriginal: "rfc822;joe@example.com",
  notify: 0,
  offset: 100,
};

function request(changes: Partial<DeliveryRequest> = {}): DeliveryRequest {
  return {
    flags: DeliveryFlag.MarkDone,
    queueName: "active",
    queueId: "ABC123",
    contentOffset: 350,
    contentSize: 254,
    messageSize: 254,
    nexthop: "example.com",
    encoding: "8bit",
    sendopts: 0,
    sender: "sender@example.org",
    envelopeId: "",
    returnFlags: 0,
    times: { incoming: 1000.25, active: 1001.5, agent: 1001.75, connected: 0, delivered: 0, reuse: 0 },
    attributes: new Map([["encoding", "8bit"], ["log_client_name", "client.example.org"]]),
    recipients: [JOE],
    ...changes,
  };
}

/** A recorder with everything it does written down in order. */
function bench(settings = "", broken: readonly string[] = []) {
  const done: string[] = [];
  const sink = memorySink();
  const refuse = (what: string) => {
    if (broken.includes(what)) throw new Error(`${what} is broken`);
  };
  const bounce: BounceService = {
    append(log, id, _flags, recipient, action, detail) {
      return Promise.try(() => {
        refuse(log);
        done.push(`${log} ${id} ${recipient.address} ${action} ${detail.status} ${detail.reason}`);
      });
    },
    flush: () => Promise.reject(new Error("not called")),
    warn: () => Promise.reject(new Error("not called")),
    one: () => Promise.reject(new Error("not called")),
  };
  const recorder = createRecorder({
    config: configFromText(settings),
    queue: { markDone: (queue, id, offsets) => void done.push(`mark ${queue}/${id} ${[...offsets]}`) },
    bounce,
    log: new Logger(
      {
        write: (entry) => {
          sink.write(entry);
          if (entry.level === "info") done.push("line");
        },
        flush() {},
      },
      "postfix/smtp",
    ),
    flushAdd: (site, id) => void done.push(`flush ${site} ${id}`),
    verify: (address, result, reason) =>
      Promise.try(() => {
        refuse("verify");
        done.push(`verify ${address} ${result} ${reason}`);
      }),
    now: () => 1003,
  });
  return { recorder, done, lines: () => sink.lines() };
}

const OK = { status: "2.0.0", reason: "250 ok" };
const NO = { status: "5.1.1", reason: "host said: 550 no", diagnostic: { type: "smtp", text: "550 no" } };
const LATER = { status: "4.2.0", reason: "host said: 450 later" };
const RELAY = "mx.example.com[192.0.2.1]:25";

Deno.test("formatDelay: rounding as Postfix does it", () => {
  const values = [
    0.004,
    0.005,
    0.0149,
    0.12345,
    0.995,
    1.04,
    1.05,
    9.96,
    10.4,
    49.5,
    0.00012,
    0,
    -3,
    86400.4,
  ];
  const at = (resolution: number) => values.map((value) => formatDelay(value, resolution));
  assert.deepEqual(at(2), [
    "0",
    "0.01",
    "0.01",
    "0.12",
    "1",
    "1",
    "1.1",
    "10",
    "10",
    "50",
    "0",
    "0",
    "0",
    "86400",
  ]);
  assert.deepEqual(at(6), [
    "0.004",
    "0.005",
    "0.015",
    "0.12",
    "1",
    "1",
    "1.1",
    "10",
    "10",
    "50",
    "0.00012",
    "0",
    "0",
    "86400",
  ]);
  assert.deepEqual(at(0), ["0", "0", "0", "0", "1", "1", "1", "10", "10", "50", "0", "0", "0", "86400"]);
});

Deno.test("recorder: sent is said, then marked", async () => {
  const { recorder, done, lines } = bench();
  const alias = { ...JOE, original: "j.smith@example.com" };
  const times = { ...request().times, connected: 1002, delivered: 1002.5, reuse: 3 };
  assert.equal(await recorder.sent(request({ times }), alias, RELAY, OK), true);
  assert.deepEqual(lines(), [
    `ABC123: to=<joe@example.com>, orig_to=<j.smith@example.com>, relay=${RELAY}, conn_use=3, ` +
    "delay=2.3, delays=1.3/0.25/0.25/0.5, dsn=2.0.0, status=sent (250 ok)",
  ]);
  assert.deepEqual(done, ["line", "mark active/ABC123 100"]);
});

Deno.test("recorder: no mark where the file goes anyway, or must not be touched", async () => {
  const { recorder, done } = bench();
  await recorder.sent(request({ lastRecipient: true }), JOE, RELAY, OK);
  await recorder.sent(request({ flags: 0 }), JOE, RELAY, OK);
  await recorder.sent(request(), { ...JOE, offset: -1 }, RELAY, OK);
  assert.deepEqual(done, ["line", "line", "line"]);
  // A bounce is not told twice for want of a mark.
  await recorder.bounced(request({ lastRecipient: true }), JOE, RELAY, NO);
  assert.equal(done.at(-1), "mark active/ABC123 100");
});

Deno.test("recorder: NOTIFY=SUCCESS goes into the trace log, and a broken one defers", async () => {
  const wanting = { ...JOE, notify: Notify.Success };
  const good = bench();
  assert.equal(await good.recorder.sent(request(), wanting, RELAY, { ...OK, action: "relayed" }), true);
  assert.equal(good.done[0], `trace ABC123 joe@example.com relayed 2.0.0 delivery via ${RELAY}: 250 ok`);
  const bad = bench("", ["trace"]);
  assert.equal(await bad.recorder.sent(request(), wanting, RELAY, OK), false);
  assert.deepEqual(bad.done, [
    "defer ABC123 joe@example.com delayed 4.3.0 ABC123: trace service failed",
    "line",
    "flush example.com ABC123",
  ]);
});

Deno.test("recorder: bounced, soft_bounce, and a bounce log that can't be written", async () => {
  const hard = bench();
  assert.equal(await hard.recorder.bounced(request(), JOE, RELAY, NO), true);
  assert.deepEqual(hard.done, [
    "bounce ABC123 joe@example.com failed 5.1.1 host said: 550 no",
    "line",
    "mark active/ABC123 100",
  ]);
  const soft = bench("soft_bounce = yes");
  assert.equal(await soft.recorder.bounced(request(), JOE, RELAY, NO), false);
  assert.deepEqual(soft.done, ["defer ABC123 joe@example.com delayed 4.1.1 host said: 550 no", "line"]);
  assert.ok(soft.lines()[0]!.endsWith("dsn=4.1.1, status=SOFTBOUNCE (host said: 550 no)"));
  const broken = bench("", ["bounce"]);
  assert.equal(await broken.recorder.bounced(request(), JOE, RELAY, NO), false);
  assert.equal(broken.done[0], "defer ABC123 joe@example.com delayed 4.3.0 bounce or trace service failure");
  const lost = bench("", ["bounce", "defer"]);
  assert.equal(await lost.recorder.bounced(request(), JOE, RELAY, NO), false);
  assert.deepEqual(lost.done, ["flush example.com ABC123"]);
});

Deno.test("recorder: a code of the wrong class is put right and complained about", async () => {
  const { recorder, lines } = bench();
  await recorder.sent(request(), JOE, RELAY, { ...OK, status: "5.1.1" });
  await recorder.deferred(request(), JOE, RELAY, { ...LATER, status: "nonsense" });
  assert.equal(lines()[0], 'warning: sent: ignoring dsn code "5.1.1"');
  assert.ok(lines()[1]!.includes("dsn=2.0.0"));
  assert.equal(lines()[2], 'warning: defer_append: ignoring dsn code "nonsense"');
  assert.ok(lines()[3]!.includes("dsn=4.0.0"));
});

Deno.test("recorder: probes are answered, nobody gets a notice", async () => {
  const mta = request({ flags: DeliveryFlag.MarkDone | DeliveryFlag.ProbeMta });
  const { recorder, done, lines } = bench();
  assert.equal(await recorder.deferred(mta, JOE, "none", LATER), true);
  assert.deepEqual(done, [
    "verify joe@example.com deferred host said: 450 later",
    "line",
    "mark active/ABC123 100",
  ]);
  assert.ok(lines()[0]!.endsWith("status=undeliverable (host said: 450 later)"));
  const forgetful = bench("address_verify_negative_cache = no\n");
  assert.equal(await forgetful.recorder.deferred(mta, JOE, "none", LATER), true);
  assert.deepEqual(forgetful.done, ["line", "mark active/ABC123 100"]);
  assert.ok(forgetful.lines()[0]!.endsWith("status=undeliverable-but-not-cached (host said: 450 later)"));
  const user = bench();
  await user.recorder.sent(request({ flags: DeliveryFlag.ProbeUser }), JOE, RELAY, OK);
  assert.equal(user.done[0], `trace ABC123 joe@example.com deliverable 2.0.0 delivery via ${RELAY}: 250 ok`);
  assert.ok(user.lines()[0]!.endsWith("status=deliverable (250 ok)"));
  const broken = bench("", ["verify"]);
  assert.equal(await broken.recorder.sent(mta, JOE, RELAY, OK), false);
});

Deno.test("error, retry and discard: the next hop is the reason", async () => {
  const { recorder, lines } = bench();
  const said = async (
    agent: { deliver(r: DeliveryRequest): Promise<{ finished: boolean }> },
    nexthop: string,
  ) => {
    const { finished } = await agent.deliver(
      request({ nexthop, recipients: [JOE, { ...JOE, address: "ann@b.org" }] }),
    );
    return `${finished} ${/dsn=.*/.exec(lines().at(-1)!)![0]}`;
  };
  const error = createErrorAgent({ recorder, service: "error" });
  const retry = createErrorAgent({ recorder, service: "retry" });
  const discard = createDiscardAgent({ recorder });
  assert.equal(await said(error, "5.1.1 no such user"), "true dsn=5.1.1, status=bounced (no such user)");
  assert.equal(await said(error, "plain words"), "true dsn=5.0.0, status=bounced (plain words)");
  assert.equal(await said(error, "4.7.1 try later"), "true dsn=5.0.0, status=bounced (try later)");
  assert.equal(await said(error, "5.1.1"), "true dsn=5.1.1, status=bounced (?)");
  assert.equal(await said(retry, "4.2.1 text"), "false dsn=4.2.1, status=deferred (text)");
  assert.equal(await said(retry, "plain words"), "false dsn=4.0.0, status=deferred (plain words)");
  assert.equal(await said(discard, "silently"), "true dsn=2.0.0, status=sent (silently)");
  assert.equal(await said(discard, "2.5.0 text"), "true dsn=2.5.0, status=sent (text)");
  assert.deepEqual(splitReason("5.1.10 x", "5.0.0"), { status: "5.1.10", reason: "x" });
});

Deno.test("stats: the C structure both ways", () => {
  const { times } = request();
  const bytes = encodeTimes({ ...times, reuse: 7 });
  assert.equal(bytes.length, 88);
  assert.deepEqual(decodeTimes(bytes), { ...times, reuse: 7 });
  assert.equal(decodeTimes(new Uint8Array(80)), undefined);
});

Deno.test("protocol: a request over a socket, with either attribute name", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/smtp`;
    const listener = Deno.listen({ transport: "unix", path });
    const seen: DeliveryRequest[] = [];
    const server = (async () => {
      for (let turn = 0; turn < 2; turn++) {
        const connection = await listener.accept();
        await serveDelivery(connection, {
          deliver(given) {
            seen.push(given);
            return Promise.resolve(
              turn === 0
                ? { finished: true }
                : { finished: false, destinationTrouble: { ...NO, status: "4.4.1" } },
            );
          },
        });
        connection.close();
      }
      listener.close();
    })();
    const sent = request({ sendopts: 1, recipients: [JOE, { ...JOE, address: "jörg@b.org", offset: -1 }] });
    assert.deepEqual(await createRemoteAgent(path, "3.7").deliver(sent), { finished: true });
    assert.deepEqual(await createRemoteAgent(path, "3.11").deliver(sent), {
      finished: false,
      destinationTrouble: { ...NO, status: "4.4.1" },
    });
    await server;
    for (const given of seen) {
      assert.deepEqual({ ...given, times: undefined }, { ...sent, times: undefined });
      assert.equal(given.times.incoming, 1000.25);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("protocol: an agent that isn't there, or goes away, is transport trouble", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const nobody = await createRemoteAgent(`${directory}/none`).deliver(request());
    assert.equal(nobody.transportTrouble!.reason, "mail transport unavailable");
    const path = `${directory}/smtp`;
    const listener = Deno.listen({ transport: "unix", path });
    const server = (async () => {
      const connection = await listener.accept();
      await connection.write(new TextEncoder().encode("protocol\0delivery_request_protocol\0\0"));
      await connection.read(new Uint8Array(100));
      connection.close();
      listener.close();
    })();
    const gone = await createRemoteAgent(path).deliver(request());
    await server;
    assert.equal(gone.transportTrouble!.reason, "unknown mail transport error");
    assert.equal(gone.finished, false);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("protocol: damaged requests are refused (fixed seed)", async () => {
  const writer = new AttributeWriter();
  writeRequest(writer, request(), "3.11");
  const good = writer.view().slice();
  const random = randomNumbers(7);
  let refused = 0;
  for (let round = 0; round < 1500; round++) {
    const bytes = good.slice(0, random(3) === 0 ? random(good.length) : good.length);
    for (let flips = random(4); flips > 0; flips--) bytes[random(bytes.length || 1)] = random(256);
    try {
      const parsed = await readRequest(new AttributeReader(bytes));
      assert.match(parsed.queueId, /^[A-Za-z0-9_]+$/);
    } catch (error) {
      assert.ok(error instanceof AttributeError, String(error));
      refused += 1;
    }
  }
  assert.ok(refused > 500);
  const escaping = new AttributeWriter();
  writeRequest(escaping, request({ queueId: "../../etc/passwd" }), "3.11");
  await assert.rejects(readRequest(new AttributeReader(escaping.view())), AttributeError);
});

/** Serves a channel on a socket of its own. */
function channelServer(
  agents: Readonly<Record<string, (request: DeliveryRequest) => Promise<DeliveryReply>>>,
) {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/channel`;
  const listener = Deno.listen({ transport: "unix", path });
  const served = { connections: 0, flushes: 0, problems: [] as unknown[] };
  const open: Deno.UnixConn[] = [];
  const conversations: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) {
      served.connections += 1;
      open.push(connection);
      conversations.push(
        serveDeliveryChannel(connection, {
          agentFor: (transport) => {
            const deliver = agents[transport];
            return deliver === undefined ? undefined : { deliver };
          },
          beforeReply: () => void (served.flushes += 1),
          counted() {},
        }).catch((error) => void served.problems.push(error)).finally(() => {
          try {
            connection.close();
          } catch {
            // The test closed it.
          }
        }),
      );
    }
  })();
  return {
    path,
    served,
    drop: () => open.splice(0).forEach((connection) => connection.close()),
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(conversations);
      Deno.removeSync(directory, { recursive: true });
    },
  };
}

Deno.test("a channel carries many deliveries at a time, each with its own answer, over one connection", async () => {
  const gates = new Map<string, () => void>();
  await using server = channelServer({
    local: async (got) => {
      await new Promise<void>((open) => gates.set(got.queueId, open));
      return { finished: got.queueId !== "A2" };
    },
    virtual: (got) => {
      assert.deepEqual({ ...got, times: { ...got.times, agent: 0 } }, {
        ...request({ sender: "\ud800\u00e9\n", lastRecipient: true }),
        times: { ...request().times, agent: 0 },
      });
      return Promise.resolve({ finished: true, destinationTrouble: { status: "4.4.1", reason: "down" } });
    },
    broken: () => Promise.reject(new Error("broke off")),
  });
  const channel = new DeliveryChannel(() => Deno.connect({ transport: "unix", path: server.path }));
  const local = channel.agentFor("local");
  const replies = ["A1", "A2", "A3"].map((queueId) => local.deliver(request({ queueId })));
  assert.deepEqual(
    await channel.agentFor("virtual").deliver(request({ sender: "\ud800\u00e9\n", lastRecipient: true })),
    { finished: true, destinationTrouble: { status: "4.4.1", reason: "down" } },
  );
  while (gates.size < 3) await new Promise((done) => setTimeout(done, 5));
  for (const id of ["A3", "A1", "A2"]) gates.get(id)!();
  assert.deepEqual(await Promise.all(replies), [{ finished: true }, { finished: false }, { finished: true }]);
  assert.equal((await channel.agentFor("broken").deliver(request())).transportTrouble?.cause, "broke off");
  assert.match((await channel.agentFor("uucp").deliver(request())).transportTrouble!.cause, /"uucp"/);
  assert.equal(server.served.connections, 1);
  assert.ok(server.served.flushes > 0);
  channel.close();
});

Deno.test("a lost channel leaves its deliveries undelivered; the next one makes a new connection", async () => {
  let arrived: (() => void) | undefined;
  await using server = channelServer({
    local: () => {
      arrived?.();
      return new Promise(() => {});
    },
    discard: () => Promise.resolve({ finished: true }),
  });
  const channel = new DeliveryChannel(() => Deno.connect({ transport: "unix", path: server.path }));
  const stuck = new Promise<void>((resolve) => arrived = resolve);
  const reply = channel.agentFor("local").deliver(request());
  await stuck;
  server.drop();
  assert.equal((await reply).transportTrouble?.reason, "unknown mail transport error");
  assert.deepEqual(await channel.agentFor("discard").deliver(request()), { finished: true });
  assert.equal(server.served.connections, 2);
  channel.close();
  const nowhere = new DeliveryChannel(() => Deno.connect({ transport: "unix", path: `${server.path}-none` }));
  const refused = await nowhere.agentFor("local").deliver(request());
  assert.equal(refused.transportTrouble?.reason, "mail transport unavailable");
  assert.match(refused.transportTrouble.cause, /No such file/);
});

Deno.test("a channel refuses what is no request", async () => {
  for (
    const line of [
      "nonsense",
      "{}",
      JSON.stringify({
        number: 1,
        transport: "local",
        request: { ...request(), attributes: [], queueId: "../x" },
      }),
      JSON.stringify({ number: 1, transport: "local", request: { ...request(), attributes: [["a"]] } }),
      JSON.stringify({
        number: 1,
        transport: "local",
        request: { ...request(), attributes: [], recipients: [{}] },
      }),
    ]
  ) {
    await using server = channelServer({ local: () => Promise.resolve({ finished: true }) });
    const connection = await Deno.connect({ transport: "unix", path: server.path });
    await connection.write(new TextEncoder().encode(`${line}\n`));
    assert.equal(await connection.read(new Uint8Array(10)), null, line);
    connection.close();
    assert.ok(server.served.problems[0] instanceof Error, line);
  }
});
