/** What becomes of mail that can't be delivered now: back-off, warnings, the end of its life, requests to try again. */
import assert from "node:assert/strict";
import { startInstance } from "../master/testing.ts";
import { startFakeServer } from "../smtp/testing.ts";
import { count, pause, queued, send, until } from "./testing.ts";

const options = { sanitizeOps: false, sanitizeResources: false };
/** Without DSN, so that RCPT commands are the same in every attempt. */
const keywords = ["PIPELINING", "8BITMIME"];
const LATER = "450 4.2.0 come again";

Deno.test({
  name: "a deferred message gets the time of its next attempt, not before minimal_backoff_time",
  ...options,
  async fn() {
    await using hop = startFakeServer({ on: { RCPT: LATER } });
    await using instance = await startInstance({
      main: [
        `relayhost = [127.0.0.1]:${hop.port}`,
        "queue_run_delay = 1s",
        "minimal_backoff_time = 100s",
        "maximal_backoff_time = 400s",
      ],
    });
    const before = Math.floor(Date.now() / 1000);
    const { id } = await send(instance.port, ["someone@elsewhere.example"]);
    await instance.logged(
      /status=deferred \(host 127\.0\.0\.1\[127\.0\.0\.1\] said: 450 4\.2\.0 come again \(in/,
    );
    const file = `${instance.spool}/deferred/${id[0]}/${id}`;
    await until("deferred", () => queued(instance, "deferred").length === 1);
    const next = Deno.statSync(file).mtime!.getTime() / 1000;
    const after = Math.floor(Date.now() / 1000);
    assert.ok(
      next >= before + 100 && next <= after + 100,
      `${next - before} seconds after the first attempt`,
    );
    // Two queue runs later it still waits.
    await pause(2200);
    assert.equal(count(instance, /status=deferred/), 1);
    // -f tries it at once, and the time moves on.
    assert.equal((await instance.run(["postqueue", "-f"])).code, 0);
    await until("second attempt", () => count(instance, /status=deferred/) === 2);
    await until("deferred again", () => queued(instance, "deferred").length === 1);
    assert.ok(Deno.statSync(file).mtime!.getTime() / 1000 > next);
  },
});

Deno.test({
  name: "delay_warning_time, maximal_queue_lifetime: one warning, then the message comes back",
  ...options,
  async fn() {
    await using hop = startFakeServer({ keywords, on: { "RCPT TO:<slow@elsewhere.example>": LATER } });
    await using instance = await startInstance({
      main: [
        `relayhost = [127.0.0.1]:${hop.port}`,
        "queue_run_delay = 1s",
        "minimal_backoff_time = 1s",
        "maximal_backoff_time = 1s",
        "delay_warning_time = 1s",
        "maximal_queue_lifetime = 3s",
        "bounce_queue_lifetime = 3s",
        "notify_classes = bounce, delay",
      ],
    });
    const { id } = await send(instance.port, ["slow@elsewhere.example"]);
    await instance.logged(
      new RegExp(`qmgr\\[\\d+\\]: ${id}: from=<sender@example\\.org>, status=expired, returned to sender`),
    );
    await instance.logged(new RegExp(`qmgr\\[\\d+\\]: ${id}: removed`));
    assert.ok(count(instance, new RegExp(`${id}: to=.*status=deferred`)) >= 3);
    for (
      const line of [
        "sender delay notification",
        "postmaster delay notification",
        "sender non-delivery notification",
        "postmaster non-delivery notification",
      ]
    ) assert.equal(count(instance, new RegExp(`bounce\\[\\d+\\]: ${id}: ${line}: `)), 1, line);
    await until("notices delivered", () => hop.sessions.flatMap(({ messages }) => messages).length === 4);
    const notices = hop.sessions.flatMap(({ messages }) => messages);
    const subjects = notices.map((text) => /^Subject: (.*)\r$/m.exec(text)?.[1]).sort();
    assert.deepEqual(subjects, [
      "Delayed Mail (still being retried)",
      "Postmaster Copy: Undelivered Mail",
      "Postmaster Warning: Delayed Mail",
      "Undelivered Mail Returned to Sender",
    ]);
    const returned = notices.find((text) => /^Subject: Undelivered/m.test(text))!;
    assert.match(returned, /^Content-Type: multipart\/report; report-type=delivery-status;/m);
    assert.match(
      returned,
      /^Action: failed\r\nStatus: 4\.2\.0\r\nRemote-MTA: dns; 127\.0\.0\.1\r\nDiagnostic-Code: smtp; 450 4\.2\.0 come again/m,
    );
    await until(
      "queue empty",
      () =>
        ["active", "deferred", "incoming", "defer", "bounce"].every((name) =>
          queued(instance, name).length === 0
        ),
    );
  },
});

Deno.test({
  name: "a notice that can't be delivered goes to the double-bounce address, and that one ends in the log",
  ...options,
  async fn() {
    await using hop = startFakeServer({ keywords, on: { RCPT: "550 5.1.1 nobody here" } });
    await using instance = await startInstance({
      main: [`relayhost = [127.0.0.1]:${hop.port}`, "notify_classes = bounce, 2bounce", "mydestination ="],
    });
    const { id } = await send(instance.port, ["nobody@elsewhere.example"]);
    await instance.logged(new RegExp(`${id}: sender non-delivery notification: `));
    // The notice from <> is refused too; its bounce goes from double-bounce@ to the postmaster, refused again.
    await instance.logged(/postmaster non-delivery notification: /);
    await instance.logged(/from=<double-bounce@mx\.example\.com>/);
    await instance.logged(/warning: \w+: undeliverable postmaster notification discarded/);
    await until(
      "queue empty",
      () => ["active", "deferred", "incoming", "bounce"].every((name) => queued(instance, name).length === 0),
    );
  },
});

Deno.test({
  name: "soft_bounce: a 5xx of the next hop defers, and one of our own is said as 4xx",
  ...options,
  async fn() {
    await using hop = startFakeServer({ on: { RCPT: "550 5.1.1 nobody here" } });
    await using instance = await startInstance({
      main: [
        `relayhost = [127.0.0.1]:${hop.port}`,
        "soft_bounce = yes",
        "local_recipient_maps = inline:{alice=x}",
      ],
    });
    const { id } = await send(instance.port, ["nobody@elsewhere.example"]);
    await instance.logged(
      new RegExp(`${id}: to=.*dsn=4\\.1\\.1, status=SOFTBOUNCE \\(host .* said: 550 5\\.1\\.1 nobody here`),
    );
    await until("deferred", () => queued(instance, "deferred").length === 1);
    assert.match((await send(instance.port, ["unknown@example.com"])).reply, /^450 4\.1\.1 /);
  },
});

Deno.test({
  name: "defer_transports: mail waits until postqueue -f, -i or -s names it",
  ...options,
  async fn() {
    await using hop = startFakeServer();
    await using instance = await startInstance({
      main: [
        `relayhost = [127.0.0.1]:${hop.port}`,
        "defer_transports = smtp",
        "fast_flush_domains = one.example, two.example",
      ],
    });
    const one = await send(instance.port, ["a@one.example"]);
    const two = await send(instance.port, ["b@two.example"]);
    const three = await send(instance.port, ["c@three.example"]);
    const four = await send(instance.port, ["d@four.example"]);
    await until("all deferred", () => queued(instance, "deferred").length === 4);
    assert.match(instance.log(), /to=<a@one\.example>, relay=none, .*status=deferred \(deferred transport\)/);
    // Now the transport is open again, but the mail waits for its time.
    const main = Deno.readTextFileSync(`${instance.etc}/main.cf`);
    Deno.writeTextFileSync(`${instance.etc}/main.cf`, main + "defer_transports =\n");
    instance.reload();
    await instance.logged(/reload -- version/);
    assert.equal((await instance.run(["postqueue", "-i", three.id])).code, 0);
    await instance.logged(new RegExp(`${three.id}: removed`));
    assert.equal(queued(instance, "deferred").length, 3);
    assert.equal((await instance.run(["postqueue", "-s", "two.example"])).code, 0);
    await instance.logged(new RegExp(`${two.id}: removed`));
    assert.deepEqual(queued(instance, "deferred"), [one.id, four.id].sort());
    const refused = await instance.run(["postqueue", "-s", "four.example"]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /four\.example/);
    assert.equal((await instance.run(["postqueue", "-f"])).code, 0);
    await instance.logged(new RegExp(`${one.id}: removed`));
    await instance.logged(new RegExp(`${four.id}: removed`));
  },
});
