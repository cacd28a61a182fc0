import assert from "node:assert/strict";
import { configFromText } from "../../core/config/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { inDirectory } from "../../core/system/directory_testing.ts";
import { memoryCleanup } from "../smtpd/testing.ts";
import { announcement } from "../../core/ipc/mod.ts";
import { AddressStatus, createVerify, createVerifyClient, ProbeSender, serveVerify } from "./mod.ts";

const DAY = 86400;

/** A service whose time is turned by hand. */
function service(directory: string, settings: Readonly<Record<string, string>> = {}) {
  const text = Object.entries({
    data_directory: directory,
    myhostname: "mx.example.com",
    address_verify_cache_cleanup_interval: "0",
    ...settings,
  }).map(([name, value]) => `${name} = ${value}\n`).join("");
  const config = configFromText(text);
  const sink = memorySink();
  const cleanup = memoryCleanup();
  const clock = { now: 1_800_000_000 };
  const verify = createVerify({
    config,
    cleanup,
    log: new Logger(sink, "postfix/verify"),
    rewrite: (address) => address.includes("@") ? address : `${address}@mx.example.com`,
    now: () => clock.now,
  });
  /** Probes that were sent; they are queued behind the answer's back. */
  async function probes(): Promise<number> {
    await new Promise((done) => setTimeout(done));
    return cleanup.stored.length;
  }
  return { verify, cleanup, sink, clock, probes };
}

const { Deliverable, Deferred, Undeliverable, InProgress } = AddressStatus;
const good = { status: Deliverable, text: "fine" };
const bad = { status: Undeliverable, text: "gone" };

Deno.test("answers are refreshed while they hold, and forgotten when they have expired", () =>
  inDirectory(async (directory) => {
    const { verify, clock, probes } = service(directory);
    assert.equal((await verify.query("a@x.test")).status, InProgress);
    assert.equal(await probes(), 1);
    // The probe is under way: no other one is sent until it must be lost.
    assert.equal((await verify.query("a@x.test")).status, InProgress);
    assert.equal(await probes(), 1);
    clock.now += 1001;
    assert.equal((await verify.query("a@x.test")).status, InProgress);
    assert.equal(await probes(), 2);
    await verify.update("a@x.test", good);
    assert.deepEqual(await verify.query("a@x.test"), good);
    clock.now += 7 * DAY;
    assert.deepEqual(await verify.query("a@x.test"), good);
    assert.equal(await probes(), 2);
    clock.now += 1;
    assert.deepEqual(await verify.query("a@x.test"), good);
    assert.equal(await probes(), 3);
    // The refreshing probe failed: what was good stays good until it expires.
    await verify.update("a@x.test", bad);
    assert.deepEqual(await verify.query("a@x.test"), good);
    clock.now += 25 * DAY;
    assert.equal((await verify.query("a@x.test")).status, InProgress);
    await verify.update("b@x.test", bad);
    clock.now += 3 * 3600 + 1;
    const before = await probes();
    assert.deepEqual(await verify.query("b@x.test"), bad);
    assert.equal(await probes(), before + 1);
    await verify.update("b@x.test", { status: Deferred, text: "later" });
    assert.equal((await verify.query("b@x.test")).status, Deferred);
    clock.now += 3 * DAY + 1;
    assert.equal((await verify.query("b@x.test")).status, InProgress);
    verify.close();
  }));

Deno.test("address_verify_negative_cache = no: what is not good is asked again each time", () =>
  inDirectory(async (directory) => {
    const { verify, probes } = service(directory, { address_verify_negative_cache: "no" });
    await verify.query("a@x.test");
    await verify.query("a@x.test");
    assert.equal(await probes(), 2);
    await verify.update("a@x.test", good);
    assert.deepEqual(await verify.query("a@x.test"), good);
    assert.equal(await probes(), 2);
    verify.close();
  }));

Deno.test("the cache is cleaned of what has expired, as often as the parameter says, also over restarts", () =>
  inDirectory(async (directory) => {
    const first = service(directory);
    await first.verify.update("old@x.test", bad);
    await first.verify.update("good@x.test", good);
    await first.verify.update("a:b@x.test", good);
    first.verify.close();
    const second = service(directory, { address_verify_cache_cleanup_interval: "1h" });
    second.clock.now += 4 * DAY;
    assert.deepEqual(await second.verify.query("good@x.test"), good);
    second.verify.close();
    assert.deepEqual(second.sink.lines(), [
      `cache btree:${directory}/verify_cache full cleanup: retained=2 dropped=1 entries`,
    ]);
    const text = Deno.readTextFileSync(`${directory}/verify_cache.journal`);
    assert.match(text, /\+good@x\.test\t0:0:1800000000:fine\n/);
    assert.match(text, /\+a_b@x\.test\t0:/);
  }));

Deno.test("cleaning spares what a probe is under way for", () =>
  inDirectory(async (directory) => {
    const first = service(directory);
    await first.verify.query("a@x.test");
    first.verify.close();
    const second = service(directory, { address_verify_cache_cleanup_interval: "1h" });
    second.clock.now += 10;
    assert.equal((await second.verify.query("a@x.test")).status, InProgress);
    assert.equal(await second.probes(), 0);
    second.verify.close();
    assert.deepEqual(second.sink.lines(), [
      `cache btree:${directory}/verify_cache full cleanup: retained=1 dropped=0 entries`,
    ]);
  }));

Deno.test("the sender of probes changes with time", () => {
  const rewrite = (address: string) => address.includes("@") ? address : `${address}@mx.example.com`;
  const sender = (text: string) => new ProbeSender(configFromText(text), rewrite);
  const fixed = sender("address_verify_sender = probe");
  assert.equal(fixed.address(5), "probe@mx.example.com");
  assert.ok(fixed.accepts("probe@mx.example.com", 5));
  assert.ok(!fixed.accepts("probe1@mx.example.com", 5));
  assert.equal(sender("address_verify_sender = <>").address(5), "");
  assert.ok(!sender("address_verify_sender =").accepts("", 5));
  // These three are what a real Postfix 3.7.11 used at these times.
  const at = (ttl: string, time: number) => sender(`address_verify_sender_ttl = ${ttl}`).address(time);
  assert.equal(at("1000s", 1795419481), "double-bounce1Y88R@mx.example.com");
  assert.equal(at("31s", 1795419486), "double-bounce20Q35H@mx.example.com");
  assert.equal(at("1d", 1795419491), "double-bouncePMB@mx.example.com");
  const changing = sender("address_verify_sender_ttl = 100\naddress_verify_sender = p@x.test");
  const old = changing.address(1000);
  assert.notEqual(changing.address(1100), old);
  assert.ok(changing.accepts(old, 1199));
  assert.ok(!changing.accepts(old, 1200));
});

/** A socket whose server does as it is told. */
function listen(directory: string, serve: (connection: Deno.Conn) => Promise<void>) {
  const path = `${directory}/verify`;
  const listener = Deno.listen({ transport: "unix", path });
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      serve(connection).catch(() => {});
    }
  })();
  return {
    path,
    connections,
    async close() {
      listener.close();
      for (const connection of connections) {
        try {
          connection.close();
        } catch {
          // Closed by its server.
        }
      }
      await accepting;
    },
  };
}

Deno.test("the protocol: many requests over one connection, and a client that finds a restarted service", () =>
  inDirectory(async (directory) => {
    const { verify } = service(directory);
    let server = listen(directory, (connection) => serveVerify(connection, verify));
    const client = createVerifyClient(server.path, 20);
    await client.update("a@x.test", good);
    assert.deepEqual(await client.query("a@x.test"), good);
    assert.equal((await client.query("b@x.test")).status, InProgress);
    assert.equal(server.connections.length, 1);
    await server.close();
    await assert.rejects(client.query("a@x.test"));
    server = listen(directory, (connection) => serveVerify(connection, verify));
    assert.deepEqual(await client.query("a@x.test"), good);
    client.close();
    await server.close();
    verify.close();
  }));

Deno.test("a verify service that hangs, closes or lies is an error, and not waited for longer than told", () =>
  inDirectory(async (directory) => {
    const text = (bytes: string) => new TextEncoder().encode(bytes);
    const replies: Readonly<Record<string, (connection: Deno.Conn) => Promise<void>>> = {
      hangs: () => new Promise(() => {}),
      "greets and hangs": async (connection) => {
        await connection.write(announcement("verify"));
      },
      closes: (connection) => Promise.resolve(connection.close()),
      "speaks another protocol": async (connection) => {
        await connection.write(text("protocol\0delivery_request_protocol\0\0"));
      },
      "has a status that nobody knows": async (connection) => {
        await connection.write(announcement("verify"));
        await connection.write(text("status\x000\0recipient_status\x009\0reason\0x\0\0"));
      },
      "is garbage": async (connection) => {
        await connection.write(announcement("verify"));
        await connection.write(text("\0\0\0nonsense\0\0"));
      },
    };
    for (const [what, serve] of Object.entries(replies)) {
      const server = listen(directory, serve);
      const client = createVerifyClient(server.path, 0.3);
      await assert.rejects(client.query("a@x.test"), Error, what);
      client.close();
      await server.close();
    }
  }));
