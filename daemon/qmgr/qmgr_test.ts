import assert from "node:assert/strict";
import { Bench, enqueue, settled } from "./testing.ts";

Deno.test("qmgr: one message from hand-over to removal, with Postfix's lines", async () => {
  const bench = new Bench();
  bench.clock.time += 2.5;
  const id = await bench.submit({ recipients: ["joe@example.net"] });
  assert.deepEqual(bench.ids("active"), [id]);
  const delivery = bench.next();
  assert.equal(delivery.request.flags, 3);
  assert.equal(delivery.request.nexthop, "example.net");
  assert.equal(delivery.request.lastRecipient, true);
  bench.clock.time += 0.25;
  await delivery.sent();
  await settled();
  assert.deepEqual(bench.ids("active"), []);
  assert.deepEqual(bench.lines(), [
    `${id}: from=<sender@example.com>, size=23, nrcpt=1 (queue active)`,
    `${id}: to=<joe@example.net>, relay=relay.test[192.0.2.1]:25, delay=2.8, delays=2.5/0/0/0.25, dsn=2.0.0, status=sent (250 ok)`,
    `${id}: removed`,
  ]);
  assert.equal(bench.manager.stats().removed, 1);
});

Deno.test("qmgr: recipients are grouped by destination and cut at the recipient limit", async () => {
  const bench = new Bench("net_destination_recipient_limit = 3\norg_destination_recipient_limit = 1\n");
  await bench.submit({
    recipients: ["a@x.net", "b@y.net", "c@x.net", "d@x.net", "e@X.net", "f@z.org", "F+1@z.org"],
  });
  const groups = bench.pending.map(({ request }) => request.recipients.map(({ address }) => address));
  assert.deepEqual(
    groups,
    [["a@x.net", "c@x.net", "d@x.net"], ["e@X.net"], ["b@y.net"], ["f@z.org"], ["F+1@z.org"]]
      .sort((a, b) =>
        groups.findIndex((group) => group[0] === a[0]) - groups.findIndex((group) => group[0] === b[0])
      ),
  );
  for (const pending of bench.pending.splice(0)) await pending.sent();
  await settled();
  assert.deepEqual(bench.ids("active"), []);
});

Deno.test("qmgr: deferral, its time, back-off, the next run and the end of its life", async () => {
  const bench = new Bench("maximal_queue_lifetime = 1h\nqueue_run_delay = 300s\n");
  bench.manager.start();
  const start = bench.clock.time;
  const id = await bench.submit({ recipients: ["joe@example.net", "ann@example.net"] });
  await bench.next().deferred();
  await settled();
  assert.deepEqual(bench.ids("deferred"), [id]);
  assert.equal(bench.queue.stat("deferred", id)!.mtime, start + 300);
  assert.equal(bench.queue.readLog("defer", id).length, 2);

  const times: number[] = [];
  bench.automatic = "deferred";
  for (let minute = 0; minute < 90; minute++) {
    await bench.clock.advance(60);
    const mtime = bench.queue.stat("deferred", id)?.mtime;
    if (mtime !== undefined && mtime - start !== times.at(-1)) times.push(mtime - start);
  }
  // Waited 300 s: next after 300 s; then as long again as it waited, and the run after it finds the file.
  assert.deepEqual(times, [300, 600, 1200, 2400, 4800]);
  assert.deepEqual(bench.bounce.notices, ["defer sender@example.com"]);
  assert.deepEqual(bench.ids("deferred"), []);
  assert.ok(bench.lines().includes(`${id}: from=<sender@example.com>, status=expired, returned to sender`));
  assert.ok(bench.lines().includes(`${id}: removed`));
  await bench.manager.stop(1);
});

Deno.test("qmgr: a partly delivered message keeps only the rest", async () => {
  const bench = new Bench();
  const id = await bench.submit({ recipients: ["joe@x.net", "ann@y.net", "bob@z.net"] });
  await bench.next().sent();
  await bench.next().deferred();
  await bench.next().bounced();
  await settled();
  assert.deepEqual(bench.bounce.notices, ["bounce sender@example.com"]);
  assert.deepEqual(bench.queue.readEnvelope("deferred", id).recipients.map(({ address }) => address), [
    "ann@y.net",
  ]);
  bench.manager.trigger("FADI");
  await settled();
  await bench.next().sent();
  await settled();
  assert.deepEqual(bench.delivered, ["joe@x.net", "ann@y.net"]);
  assert.deepEqual(bench.ids("deferred").concat(bench.ids("active")), []);
});

Deno.test("qmgr: the last recipient is marked as well when the file lives on", async () => {
  const bench = new Bench();
  const id = await bench.submit({ recipients: ["joe@x.net", "ann@y.net"] });
  await bench.next().deferred();
  await bench.next().sent();
  await settled();
  assert.deepEqual(bench.queue.readEnvelope("deferred", id).recipients.map(({ address }) => address), [
    "joe@x.net",
  ]);
});

Deno.test("qmgr: a destination that fails for a cohort is dead for a while, and mail for it is deferred at once", async () => {
  const bench = new Bench("minimal_backoff_time = 300s\n");
  bench.manager.start();
  const ids: string[] = [];
  for (let n = 0; n < 10; n++) ids.push(await bench.submit({ recipients: [`u${n}@dead.net`] }));
  assert.equal(bench.pending.length, 5);
  // 1/5 + 1/4 + 1/3 + 1/2 of a cohort: the fourth failure is the end.
  for (let n = 0; n < 4; n++) await bench.next().dead();
  await settled();
  assert.deepEqual(bench.manager.stats().transports.find(({ name }) => name === "net")!.dead.length, 1);
  assert.equal(bench.pending.length, 1, "one was under way, the others never start");
  await bench.next().sent();
  await settled();
  const suspended = bench.lines().filter((line) =>
    line.endsWith("status=deferred (delivery temporarily suspended: connection refused)")
  );
  assert.equal(suspended.length, 5);
  assert.ok(suspended[0]!.includes(", relay=none, delay=0, delays=0/0/0/0, dsn=4.4.1, "));
  assert.equal(bench.ids("deferred").length, 9);

  // A delivery that was under way came through: so the destination is back.
  assert.deepEqual(bench.manager.stats().transports.find(({ name }) => name === "net")!.dead, []);
  for (let n = 0; n < 4; n++) {
    await bench.submit({ recipients: [`v${n}@gone.net`] });
  }
  bench.automatic = "dead";
  for (const pending of bench.pending.splice(0)) await pending.dead();
  await settled();
  await bench.submit({ recipients: ["last@gone.net"] });
  await settled();
  assert.ok(bench.lines().at(-1)!.includes("delivery temporarily suspended"));
  await bench.clock.advance(301);
  bench.automatic = undefined;
  await bench.submit({ recipients: ["again@gone.net"] });
  assert.ok(bench.pending.some(({ request }) => request.recipients[0]!.address === "again@gone.net"));
});

Deno.test("qmgr: a missing or broken agent leaves the transport alone for transport_retry_time", async () => {
  const bench = new Bench("transport_retry_time = 60s\nqueue_run_delay = 1000s\n");
  bench.missing.add("net");
  const first = await bench.submit({ recipients: ["joe@x.net"] });
  await settled();
  assert.ok(
    bench.lines().includes("warning: connect to transport private/net: No such file or directory"),
  );
  assert.ok(bench.lines().at(-1)!.endsWith("dsn=4.3.0, status=deferred (mail transport unavailable)"));
  bench.missing.clear();
  await bench.submit({ recipients: ["ann@x.net"] });
  await settled();
  assert.equal(bench.ids("deferred").length, 2);
  await bench.clock.advance(61);
  await bench.submit({ recipients: ["bob@x.net"] });
  await bench.next().sent();
  await settled();
  assert.deepEqual(bench.delivered, ["bob@x.net"]);
  assert.ok(bench.ids("deferred").includes(first));
  // Even with nobody to defer it, mail is deferred.
  bench.missing.add("retry").add("org");
  const last = await bench.submit({ recipients: ["joe@x.org", "ann@x.org"] });
  await settled();
  assert.ok(bench.ids("deferred").includes(last));
  assert.equal(bench.queue.readLog("defer", last).length, 2);
});

Deno.test("qmgr: a mailing list neither starves single messages nor is starved by them", async () => {
  const bench = new Bench("net_destination_recipient_limit = 2\n");
  bench.limits.net = 1;
  await bench.submit({ recipients: Array.from({ length: 300 }, (_, n) => `r${n}@list${n}.net`) });
  for (let n = 0; n < 50; n++) await bench.submit({ recipients: [`one@single${n}.net`] });
  const order: string[] = [];
  while (bench.pending.length > 0) {
    order.push(bench.pending[0]!.request.nexthop);
    await bench.next().sent();
    await settled(2);
  }
  assert.equal(order.length, 350);
  const singles = order.flatMap((nexthop, index) => nexthop.startsWith("single") ? [index] : []);
  assert.ok(singles.at(-1)! <= 101, `last single message at place ${singles.at(-1)}`);
  assert.ok(order.slice(0, 100).filter((nexthop) => nexthop.startsWith("list")).length >= 45);
});

Deno.test("qmgr: concurrency per destination starts low, grows with success, and stays within its limit", async () => {
  const bench = new Bench("net_destination_concurrency_limit = 8\n");
  for (let n = 0; n < 40; n++) await bench.submit({ recipients: [`u${n}@big.net`] });
  assert.equal(bench.pending.length, 5);
  let most = 0;
  while (bench.pending.length > 0) {
    await bench.next().sent();
    await settled(2);
    most = Math.max(most, bench.pending.length);
  }
  assert.equal(most, 8);
  assert.equal(bench.delivered.length, 40);
});

Deno.test("qmgr: rate delays", async () => {
  const bench = new Bench("net_destination_rate_delay = 10s\norg_transport_rate_delay = 5s\n");
  bench.automatic = "sent";
  for (let n = 0; n < 3; n++) await bench.submit({ recipients: [`u${n}@slow.net`, `u${n}@a${n}.org`] });
  await settled();
  const count = (suffix: string) => bench.delivered.filter((address) => address.endsWith(suffix)).length;
  assert.deepEqual([count("net"), count("org")], [1, 1]);
  await bench.clock.advance(5.1);
  assert.deepEqual([count("net"), count("org")], [1, 2]);
  await bench.clock.advance(5);
  assert.deepEqual([count("net"), count("org")], [2, 3]);
  await bench.clock.advance(10);
  assert.deepEqual([count("net"), count("org")], [3, 3]);
});

Deno.test("qmgr: beyond the active limit mail waits in incoming, and none is forgotten", async () => {
  const bench = new Bench("qmgr_message_active_limit = 5\n");
  bench.manager.start();
  await settled();
  for (let n = 0; n < 30; n++) await bench.submit({ recipients: [`u${n}@full.net`] });
  await settled();
  assert.equal(bench.manager.stats().active, 5);
  assert.equal(bench.ids("incoming").length, 25);
  const complaints = bench.lines().filter((line) => line.startsWith("warning: mail for "));
  assert.deepEqual(complaints, ["warning: mail for full.net is using up 5 of 5 active queue entries"]);
  while (bench.pending.length > 0) {
    await bench.next().sent();
    await settled();
    assert.ok(bench.manager.stats().active <= 5);
  }
  assert.equal(bench.delivered.length, 30);
  assert.deepEqual(bench.ids("incoming"), []);
});

Deno.test("qmgr: recipients of a huge message are read in batches", async () => {
  const bench = new Bench("qmgr_message_recipient_limit = 100\nqmgr_message_recipient_minimum = 10\n");
  bench.manager.start();
  await settled();
  // Not handed over but found by a scan, as messages with a large envelope are.
  await enqueue(bench.queue, { recipients: Array.from({ length: 1000 }, (_, n) => `r${n}@d${n % 7}.net`) });
  bench.manager.trigger("I");
  await settled();
  let most = 0;
  while (bench.pending.length > 0) {
    most = Math.max(most, bench.manager.stats().recipients);
    await bench.next().sent();
    await settled(2);
  }
  assert.ok(most <= 100, `${most} recipients in memory`);
  assert.equal(new Set(bench.delivered).size, 1000);
  assert.equal(bench.delivered.length, 1000);
  assert.deepEqual(bench.ids("active"), []);
});
