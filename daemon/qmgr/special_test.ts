/** What overrides the ordinary way of a message, and what people ask of the queue manager while it runs. */
import assert from "node:assert/strict";
import { QueueFileError } from "../../core/queue/mod.ts";
import { memoryQueue } from "../../core/queue/testing.ts";
import { Bench, enqueue, routing, settled } from "./testing.ts";
import type { Routing } from "./types.ts";

Deno.test("qmgr: content_filter replaces the route, not the recipients", async () => {
  const bench = new Bench("net_destination_recipient_limit = 1");
  await bench.submit({ recipients: ["a@x.net", "b@y.org"], filter: "scan:[127.0.0.1]:10025" });
  assert.equal(bench.pending.length, 1);
  assert.equal(bench.pending[0]!.request.nexthop, "[127.0.0.1]:10025");
  assert.deepEqual(bench.pending[0]!.request.recipients.map(({ address }) => address), [
    "a@x.net",
    "b@y.org",
  ]);
  await bench.submit({ recipients: ["a@x.net"], filter: "scan:" });
  assert.equal(bench.pending[1]!.request.nexthop, "x.net");
});

Deno.test("qmgr: redirect goes to one address, once", async () => {
  const bench = new Bench();
  const id = await bench.submit({ recipients: ["a@x.net", "b@y.org", "c@z.org"], redirect: "spy@w.net" });
  assert.equal(bench.pending.length, 1);
  assert.deepEqual(bench.pending[0]!.request.recipients.map(({ address }) => address), ["spy@w.net"]);
  await bench.next().sent();
  await settled();
  assert.ok(bench.lines().includes(`${id}: removed`));
  assert.ok(bench.lines().some((line) => line.includes("to=<spy@w.net>, orig_to=<a@x.net>,")));
});

Deno.test("qmgr: VERP senders name the recipient, one delivery each", async () => {
  const bench = new Bench();
  await bench.submit({ sender: "list@a.org", recipients: ["joe@x.net", "ann@x.net"], verp: "+=" });
  assert.deepEqual(bench.pending.map(({ request }) => request.sender), [
    "list+ann=x.net@a.org",
    "list+joe=x.net@a.org",
  ]);
});

Deno.test("qmgr: an undeliverable postmaster notice ends here", async () => {
  const local: Routing = {
    ...routing,
    resolve: (_sender, address) => ({
      transport: "local",
      nexthop: "mx.example.com",
      recipient: address,
      addressClass: "local",
    }),
  };
  const bench = new Bench("", undefined, local);
  const id = await bench.submit({ sender: "", recipients: ["double-bounce@mx.example.com"] });
  await settled();
  assert.equal(bench.pending.length, 0);
  assert.ok(
    bench.lines()[1]!.endsWith("dsn=2.0.0, status=sent (undeliverable postmaster notification discarded)"),
  );
  assert.equal(bench.lines()[2], `${id}: removed`);
});

Deno.test("qmgr: addresses that can't be resolved bounce or wait", async () => {
  const failing: Routing = {
    ...routing,
    resolve: (_sender, address) => ({
      transport: "",
      nexthop: "",
      recipient: address,
      addressClass: "default",
      error: address.startsWith("bad")
        ? { kind: "syntax", code: "5.1.3", text: "bad address syntax" }
        : { kind: "temporary", code: "4.3.0", text: "address resolver failure" },
    }),
  };
  const bench = new Bench("", undefined, failing);
  const id = await bench.submit({ recipients: ["bad..address", "ok@x.net", ""] });
  await settled();
  assert.deepEqual(bench.ids("deferred"), [id]);
  assert.deepEqual(bench.bounce.notices, ["bounce sender@example.com"]);
  const outcome = (text: string) => bench.lines().filter((line) => line.endsWith(text)).length;
  assert.equal(outcome("dsn=5.1.3, status=bounced (bad address syntax)"), 1);
  assert.equal(outcome("dsn=4.3.0, status=deferred (address resolver failure)"), 1);
  assert.equal(outcome("dsn=5.1.3, status=bounced (null recipient address)"), 1);
});

Deno.test("qmgr: tables that take their time, or throw, lose nobody", async () => {
  const slow: Routing = {
    ...routing,
    async resolve(sender, address) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (address.startsWith("crash")) throw new Error("table went away");
      return await routing.resolve(sender, address);
    },
  };
  const bench = new Bench("", undefined, slow);
  bench.automatic = "sent";
  const id = await bench.submit({ recipients: ["a@x.net", "crash@x.net", "b@y.net", "c@x.net"] });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(bench.delivered.sort(), ["a@x.net", "b@y.net", "c@x.net"]);
  assert.deepEqual(bench.queue.readEnvelope("deferred", id).recipients.map(({ address }) => address), [
    "crash@x.net",
  ]);
});

Deno.test("qmgr: defer_transports holds mail back until somebody asks for it", async () => {
  const bench = new Bench("defer_transports = net");
  bench.manager.start();
  const id = await bench.submit({ recipients: ["a@x.net"] });
  await settled();
  assert.equal(bench.pending.length, 0);
  bench.manager.trigger("AD");
  await settled();
  assert.equal(bench.pending.length, 0, "an ordinary run, however eager, is no demand");
  assert.deepEqual(bench.ids("deferred"), [id]);
  // postqueue -f, sendmail -q
  bench.manager.trigger("FADI");
  await settled();
  await bench.next().deferred();
  await settled();
  // postqueue -s and ETRN.
  bench.manager.trigger("F");
  bench.queue.move(id, "deferred", "incoming", Math.floor(bench.clock.time));
  bench.manager.trigger("I");
  await settled();
  await bench.next().deferred();
  await settled();
  bench.queue.move(id, "deferred", "incoming", Math.floor(bench.clock.time));
  bench.manager.trigger("I");
  await settled();
  assert.equal(bench.pending.length, 0, "the demand was met");
  // postqueue -i marks the file and puts it into incoming.
  bench.queue.move(id, "deferred", "incoming", Math.floor(bench.clock.time));
  bench.queue.setMode("incoming", id, 0o740);
  bench.manager.trigger("I");
  await settled();
  await bench.next().sent();
  await settled();
  assert.deepEqual(bench.delivered, ["a@x.net"]);
});

Deno.test("qmgr: notices are not kept for longer than other mail", async () => {
  const bench = new Bench(
    "maximal_queue_lifetime = 1h\nbounce_queue_lifetime = 5d\nqueue_run_delay = 300s\n",
  );
  bench.manager.start();
  assert.ok(bench.lines().some((line) => line.includes("bounce_queue_lifetime is larger than")));
  bench.automatic = "deferred";
  const id = await bench.submit({ sender: "", recipients: ["joe@example.net"] });
  await bench.clock.advance(2 * 3600);
  assert.ok(bench.lines().includes(`${id}: from=<>, status=expired, returned to sender`));
  assert.deepEqual(bench.ids("deferred"), []);
  await bench.manager.stop(1);
});

Deno.test("qmgr: force-expired mail is returned without another attempt", async () => {
  const bench = new Bench();
  bench.manager.start();
  const id = await bench.submit({ recipients: ["a@x.net", "b@x.net"] });
  await bench.next().deferred("greylisted");
  await settled();
  bench.queue.setMode("deferred", id, 0o710);
  bench.manager.trigger("FADI");
  await settled();
  assert.equal(bench.pending.length, 0);
  assert.deepEqual(bench.bounce.notices, ["defer sender@example.com"]);
  assert.ok(
    bench.lines().includes(`${id}: from=<sender@example.com>, status=force-expired, returned to sender`),
  );
  assert.deepEqual(bench.ids("deferred").concat(bench.ids("active")), []);

  const fresh = await enqueue(bench.queue, { recipients: ["c@x.net"] });
  bench.queue.setMode("incoming", fresh.id, 0o710);
  bench.manager.trigger("I");
  await settled();
  assert.equal(bench.pending.length, 0);
  assert.ok(
    bench.lines().some((line) =>
      line.endsWith("dsn=4.7.0, status=deferred (message is administratively expired)")
    ),
  );
  assert.equal(bench.bounce.notices.length, 2);
  assert.deepEqual(bench.ids("active"), []);
});

Deno.test("qmgr: the delay warning goes out once", async () => {
  const bench = new Bench("queue_run_delay = 300s");
  bench.manager.start();
  bench.automatic = "deferred";
  const id = await bench.submit({ recipients: ["a@x.net"], warnAt: bench.clock.time + 500 });
  await bench.clock.advance(10_000);
  assert.deepEqual(bench.bounce.notices, ["warn sender@example.com"]);
  assert.equal(bench.queue.readEnvelope("deferred", id).warning!.seconds, -1);
});

Deno.test("qmgr: a notice that can't be sent keeps the message until it can", async () => {
  const bench = new Bench();
  bench.bounce.fail = true;
  const id = await bench.submit({ recipients: ["a@x.net"] });
  await bench.next().bounced();
  await settled();
  assert.deepEqual(bench.ids("deferred"), [id]);
  assert.equal(bench.queue.hasLog("bounce", id), true);
  bench.bounce.fail = false;
  bench.manager.trigger("FADI");
  await settled();
  assert.equal(bench.pending.length, 0, "the recipient was told off already");
  assert.deepEqual(bench.bounce.notices, ["bounce sender@example.com"]);
  assert.deepEqual(bench.ids("deferred").concat(bench.ids("active")), []);
});

Deno.test("qmgr: postqueue -i tries a dead destination for this message", async () => {
  const bench = new Bench("net_destination_concurrency_limit = 1");
  bench.manager.start();
  const id = await bench.submit({ recipients: ["a@x.net"] });
  await bench.next().dead();
  await settled();
  // What flush(8) does for one message.
  bench.queue.setMode("deferred", id, 0o740);
  bench.queue.move(id, "deferred", "incoming", bench.clock.time);
  bench.manager.trigger("I");
  await settled();
  assert.equal(bench.queue.stat("active", id)!.mode, 0o700);
  await bench.next().sent();
  assert.deepEqual(bench.delivered, ["a@x.net"]);
});

Deno.test("qmgr: deferred mail waits for its time, D alone does not hurry it, A does", async () => {
  const bench = new Bench();
  bench.manager.start();
  await bench.submit({ recipients: ["a@x.net"] });
  await bench.next().deferred();
  await settled();
  bench.manager.trigger("D");
  bench.manager.trigger("W");
  await settled();
  assert.equal(bench.pending.length, 0);
  bench.manager.trigger("AD");
  await settled();
  assert.equal(bench.pending.length, 1);
});

Deno.test("qmgr: what a former life left behind is taken up", async () => {
  const bench = new Bench();
  const inActive = await enqueue(bench.queue, { recipients: ["a@x.net"] });
  bench.queue.move(inActive.id, "incoming", "active");
  const inIncoming = await enqueue(bench.queue, { recipients: ["b@x.net"] });
  const unfinished = bench.queue.create("incoming");
  bench.automatic = "sent";
  bench.manager.start();
  await settled();
  assert.deepEqual(bench.delivered.sort(), ["a@x.net", "b@x.net"]);
  assert.ok(bench.lines().includes(`${inIncoming.id}: removed`));
  assert.equal(bench.queue.stat("incoming", unfinished.id)!.mode, 0o600);
});

Deno.test("qmgr: a file that an agent still holds waits a minute", async () => {
  const bench = new Bench();
  const message = await enqueue(bench.queue, { recipients: ["a@x.net"] });
  const lock = bench.queue.lock("incoming", message.id, "shared");
  bench.manager.start();
  await settled();
  assert.ok(bench.lines().includes(`${message.id}: skipped, still being delivered`));
  assert.equal(bench.queue.stat("incoming", message.id)!.mtime, bench.clock.time + 60);
  lock.release();
  await bench.clock.advance(61);
  bench.manager.trigger("I");
  await settled();
  assert.equal(bench.pending.length, 1);
});

Deno.test("qmgr: an agent that finds the file damaged takes its mode away", async () => {
  const bench = new Bench();
  const id = await bench.submit({ recipients: ["a@x.net"] });
  bench.queue.setMode("active", id, 0o400);
  bench.next().answer({ finished: false });
  await settled();
  assert.deepEqual(bench.ids("corrupt"), [id]);
  assert.ok(
    bench.lines().includes(`warning: saving corrupt file "${id}" from queue "active" to queue "corrupt"`),
  );
});

Deno.test("qmgr: a disk that refuses changes delays, and does not lose", async () => {
  const queue = memoryQueue({ longIds: true });
  let full = false;
  const move = queue.move.bind(queue);
  queue.move = (...given) => {
    if (full) throw new QueueFileError("no space left on device", "io");
    move(...given);
  };
  const bench = new Bench("queue_run_delay = 100s", queue);
  bench.manager.start();
  const id = await bench.submit({ recipients: ["a@x.net"] });
  full = true;
  await bench.next().deferred();
  await settled();
  assert.deepEqual(bench.ids("active"), [id]);
  assert.ok(bench.lines().includes(`warning: ${id}: cannot defer: no space left on device`));
  full = false;
  await bench.clock.advance(101);
  assert.deepEqual(bench.ids("deferred"), [id]);
});

Deno.test("qmgr: stop waits for what is under way and starts nothing more", async () => {
  const bench = new Bench();
  bench.limits.net = 1;
  await bench.submit({ recipients: ["a@x.net"] });
  const waiting = await bench.submit({ recipients: ["b@y.net"] });
  let stopped = false;
  const stopping = bench.manager.stop(30).then(() => stopped = true);
  await settled();
  assert.equal(stopped, false);
  await bench.next().sent();
  await stopping;
  assert.deepEqual(bench.ids("active"), [waiting]);
  assert.equal(bench.pending.length, 0);
  const late = await enqueue(bench.queue, { recipients: ["c@z.net"] });
  bench.manager.queued(late);
  assert.deepEqual(bench.ids("incoming"), [late.id]);

  const stuck = new Bench();
  await stuck.submit({ recipients: ["a@x.net"] });
  const bounded = stuck.manager.stop(30);
  await stuck.clock.advance(31);
  await bounded;
});

Deno.test("qmgr: reload takes new limits and routes over while deliveries go on", async () => {
  const bench = new Bench("net_destination_concurrency_limit = 2");
  for (let n = 0; n < 6; n++) await bench.submit({ recipients: [`u${n}@x.net`] });
  assert.equal(bench.pending.length, 2);
  const changed = new Bench("net_destination_concurrency_limit = 4\nnet_destination_recipient_limit = 9");
  bench.manager.reload({ config: changed.config() });
  while (bench.pending.length > 0) {
    await bench.next().sent();
    await settled(2);
  }
  assert.equal(bench.delivered.length, 6);
  bench.manager.reload({
    addressing: {
      ...routing,
      resolve: (_s, recipient) => ({
        transport: "org",
        nexthop: "new.hop",
        recipient,
        addressClass: "default",
      }),
    },
  });
  await bench.submit({ recipients: ["v@x.net"] });
  assert.equal(bench.pending[0]!.request.nexthop, "new.hop");
});

Deno.test("qmgr: batches whose recipients are settled without a delivery are followed by the next", async () => {
  const slow: Routing = {
    ...routing,
    async resolve(_sender, address) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      const error = { kind: "temporary", code: "4.3.0", text: "address resolver failure" } as const;
      return { transport: "", nexthop: "", recipient: address, addressClass: "default", error };
    },
  };
  const settings = "qmgr_message_recipient_limit = 20\nqmgr_message_recipient_minimum = 10\n";
  const bench = new Bench(settings, undefined, slow);
  const recipients = Array.from({ length: 55 }, (_, n) => `r${n}@x.net`);
  const { id } = await enqueue(bench.queue, { recipients });
  bench.manager.trigger("I");
  for (let turn = 0; turn < 200 && bench.ids("deferred").length === 0; turn++) await settled();
  assert.equal(bench.queue.readLog("defer", id).length, 55);
  assert.equal(bench.queue.readEnvelope("deferred", id).recipients.length, 55);
});
