import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createResolver, DnsError, HostLookupError } from "./mod.ts";
import { a, aaaa, cname, type Misbehaviour, mx, startNameServer, type Zone } from "./testing.ts";
import { randomNumbers } from "../../testdata/random.ts";

const quick = { timeout: 1, attempts: 1, search: [], ndots: 1 };

async function withServer(zone: Zone, run: (server: ReturnType<typeof startNameServer>) => Promise<void>) {
  const server = startNameServer(zone);
  try {
    await run(server);
  } finally {
    await server.close();
  }
}

async function failure(promise: Promise<unknown>): Promise<DnsError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof DnsError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "no error" });
}

Deno.test("resolver: records of all kinds, aliases, and what is not there", async () => {
  const zone: Zone = {
    records: {
      "example.test": [mx(10, "mx1.example.test"), mx(20, "mx2.example.test"), {
        type: "TXT",
        data: ["v=spf1 ", "-all"],
      }],
      "mx1.example.test": [a("192.0.2.1"), aaaa("2001:DB8::1")],
      "alias.test": [cname("mx1.example.test")],
      "null.test": [mx(0, ".")],
      "loop.test": [cname("loop2.test")],
      "loop2.test": [cname("loop.test")],
      "1.2.0.192.in-addr.arpa": [{ type: "PTR", data: "mx1.example.test" }],
      "bad.test": [mx(5, "bad host.test")],
      "_25._tcp.mx1.example.test": [
        {
          type: "TLSA",
          data: { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.of(1, 2, 3) },
        },
      ],
      "_submission._tcp.example.test": [
        { type: "SRV", data: { priority: 1, weight: 2, port: 587, target: "mx1.example.test" } },
      ],
    },
  };
  await withServer(zone, async (server) => {
    const resolver = createResolver({ settings: { ...quick, servers: [server.address] } });
    assert.deepEqual(await resolver.mx("example.test"), [
      { preference: 10, exchange: "mx1.example.test" },
      { preference: 20, exchange: "mx2.example.test" },
    ]);
    assert.deepEqual(await resolver.addresses("mx1.example.test", [4, 6]), [
      { family: 4, address: "192.0.2.1" },
      { family: 6, address: "2001:db8::1" },
    ]);
    assert.deepEqual(await resolver.addresses("alias.test", [4]), [{ family: 4, address: "192.0.2.1" }]);
    assert.equal((await resolver.query("alias.test", "A")).canonicalName, "mx1.example.test");
    assert.deepEqual(await resolver.txt("example.test"), ["v=spf1 -all"]);
    assert.deepEqual(await resolver.reverse("192.0.2.1"), ["mx1.example.test"]);
    const tlsa = (await resolver.query("_25._tcp.mx1.example.test", "TLSA")).records[0]!;
    assert.deepEqual([tlsa.usage, tlsa.selector, tlsa.matchingType, [...tlsa.data]], [3, 1, 1, [1, 2, 3]]);
    assert.deepEqual((await resolver.query("_submission._tcp.example.test", "SRV")).records, [
      { priority: 1, weight: 2, port: 587, target: "mx1.example.test" },
    ]);

    const missing = await failure(resolver.mx("nowhere.test"));
    assert.equal(missing.kind, "notFound");
    assert.equal(
      missing.message,
      "Host or domain name not found. Name service error for name=nowhere.test type=MX: Host not found",
    );
    const empty = await failure(resolver.query("example.test", "AAAA"));
    assert.equal(empty.kind, "noData");
    const none = await failure(resolver.mx("null.test"));
    assert.deepEqual([none.kind, none.message], ["nullMx", "Domain null.test does not accept mail (nullMX)"]);
    assert.equal((await failure(resolver.query("loop.test", "A"))).kind, "temporary");
    assert.equal((await failure(resolver.mx("bad.test"))).kind, "invalid");
    assert.equal((await failure(resolver.mx("bad..name"))).kind, "notFound");
  });
});

Deno.test("resolver: misbehaving servers, truncation, time-outs", async () => {
  const faults: Record<string, Misbehaviour> = {
    "servfail.test": "SERVFAIL",
    "refused.test": "REFUSED",
    "formerr.test": "FORMERR",
    "silent.test": "silent",
    "garbage.test": "garbage",
    "wrongid.test": "wrong-id",
    "wrongname.test": "wrong-question",
    "truncated.test": "truncated",
  };
  const records = Object.fromEntries(Object.keys(faults).map((name) => [name, [a("192.0.2.9")]]));
  await withServer({ records, faults }, async (server) => {
    const resolver = createResolver({ settings: { ...quick, servers: [server.address] } });
    const kinds = await Promise.all(
      Object.keys(faults).filter((name) => name !== "truncated.test")
        .map(async (name) => `${name} ${(await failure(resolver.query(name, "A"))).kind}`),
    );
    assert.deepEqual(kinds, [
      "servfail.test temporary",
      "refused.test temporary",
      "formerr.test failed",
      "silent.test temporary",
      "garbage.test temporary",
      "wrongid.test temporary",
      "wrongname.test temporary",
    ]);
    assert.equal((await resolver.addresses("truncated.test", [4])).length, 1);
  });
});

Deno.test("resolver: the second server answers for a first that fails; the cache and coalescing ask once", async () => {
  const zone: Zone = { records: { "host.test": [a("192.0.2.5")], "short.test": [a("192.0.2.6", 0)] } };
  await withServer({ records: {}, faults: { "host.test": "SERVFAIL" } }, async (bad) => {
    await withServer(zone, async (good) => {
      const resolver = createResolver({ settings: { ...quick, servers: [bad.address, good.address] } });
      await Promise.all([resolver.query("host.test", "A"), resolver.query("HOST.test", "A")]);
      await resolver.query("host.test", "A");
      assert.deepEqual(good.questions, ["A host.test"]);
      assert.deepEqual(bad.questions, ["A host.test"]);
      bad.serve({ records: {}, faults: { "short.test": "REFUSED" } });
      await resolver.query("short.test", "A");
      await resolver.query("short.test", "A");
      assert.deepEqual(good.questions, ["A host.test", "A short.test", "A short.test"]);
    });
  });
  await withServer({ records: {} }, async (server) => {
    const resolver = createResolver({ settings: { ...quick, servers: [server.address] } });
    await failure(resolver.query("gone.test", "A"));
    await failure(resolver.query("gone.test", "A"));
    assert.deepEqual(server.questions, ["A gone.test"]);
  });
});

Deno.test("host lookup: hosts file, order of nsswitch.conf, search domains", async () => {
  const directory = await Deno.makeTempDir();
  const hosts = `${directory}/hosts`;
  const nsswitch = `${directory}/nsswitch.conf`;
  await Deno.writeTextFile(hosts, "# comment\n127.0.0.9 box.test box\n::ffff:10.0.0.1 mapped\nfe80::1 six\n");
  await Deno.writeTextFile(nsswitch, "hosts: files dns # both\n");
  try {
    await withServer({ records: { "web.corp.test": [a("192.0.2.7")] } }, async (server) => {
      const settings = { ...quick, search: ["corp.test"], servers: [server.address] };
      const resolver = createResolver({ settings, hosts, nsswitch });
      assert.deepEqual(await resolver.host("BOX", [4, 6]), [{ family: 4, address: "127.0.0.9" }]);
      assert.deepEqual(await resolver.host("mapped", [4]), [{ family: 4, address: "10.0.0.1" }]);
      assert.deepEqual(await resolver.hostName("127.0.0.9"), ["box.test", "box"]);
      assert.deepEqual(await resolver.host("web", [4]), [{ family: 4, address: "192.0.2.7" }]);
      await assert.rejects(
        resolver.host("nobody", [4]),
        new HostLookupError("notFound", "Name or service not known"),
      );
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("resolver: random bytes from a name server never do more than fail (fixed seed)", async () => {
  const random = randomNumbers(99);
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const serve = (async () => {
    for await (const [query, from] of socket) {
      const reply = Uint8Array.from(
        { length: query.length + random(60) },
        (_, at) => at < query.length && random(12) !== 0 ? query[at]! : random(256),
      );
      reply[0] = query[0]!;
      reply[1] = query[1]!;
      reply[2] = query[2]! | 0x80;
      reply[7] = random(4);
      await socket.send(reply, from);
    }
  })();
  const port = (socket.addr as Deno.NetAddr).port;
  const settings = { ...quick, tcpOnly: false, servers: [{ address: "127.0.0.1", port }], timeout: 0.05 };
  const resolver = createResolver({ settings });
  await Promise.all(Array.from({ length: 200 }, async (_, round) => {
    try {
      await resolver.query(`r${round}.test`, (["A", "MX", "TXT", "SRV", "TLSA"] as const)[round % 5]!);
    } catch (error) {
      assert.ok(error instanceof DnsError, String(error));
    }
  }));
  socket.close();
  await serve;
});
