import assert from "node:assert/strict";
import { configFromText } from "../../core/config/mod.ts";
import { createResolver } from "../../core/dns/mod.ts";
import { a, aaaa, mx, startNameServer, type Zone } from "../../core/dns/testing.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { DestinationError, parseDestination } from "./destination.ts";
import { routeDomain } from "./route.ts";
import { readSettings } from "./settings.ts";

const four = Array.from({ length: 8 }, (_, at) => a(`192.0.2.${at + 1}`));
const six = Array.from({ length: 8 }, (_, at) => aaaa(`2001:db8::${at + 1}`));

/** The addresses that mail to example.test would be tried at, in order. */
async function addresses(zone: Zone, main: string): Promise<string[]> {
  await using server = startNameServer(zone);
  const config = configFromText(`myhostname = client.test\ninet_protocols = all\n${main}\n`);
  const route = await routeDomain(
    {
      settings: readSettings(config, "smtp"),
      resolver: createResolver({ settings: { timeout: 1, attempts: 1, servers: [server.address] } }),
      log: new Logger(memorySink(), "postfix/smtp"),
      ownAddresses: new Set(),
    },
    "example.test",
    false,
  );
  return route.servers.map((each) => each.address);
}

const zone = (...records: ReturnType<typeof a>[]): Zone => ({
  records: { "example.test": [mx(10, "mx.test")], "mx.test": records },
});

Deno.test("route: neither protocol crowds the other out of smtp_mx_address_limit", async () => {
  const count = async (records: ReturnType<typeof a>[], main = "") => {
    const found = await addresses(zone(...records), main);
    return [
      found.filter((each) => each.includes(".")).length,
      found.filter((each) => each.includes(":")).length,
    ];
  };
  assert.deepEqual(await count([...four, ...six.slice(0, 1)]), [4, 1]);
  assert.deepEqual(await count([...four.slice(0, 2), ...six]), [2, 3]);
  assert.deepEqual((await count([...four, ...six])).toSorted(), [2, 3]);
  assert.deepEqual(await count([...four, ...six], "smtp_balance_inet_protocols = no"), [8, 8]);
  assert.deepEqual(await count(four), [8, 0]);
});

Deno.test("route: preference comes first, then the preferred protocol, then chance", async () => {
  const mixed: Zone = {
    records: {
      "example.test": [mx(20, "b.test"), mx(10, "a.test")],
      "a.test": [aaaa("2001:db8::a"), a("192.0.2.10")],
      "b.test": [a("192.0.2.20"), aaaa("2001:db8::b")],
    },
  };
  const fixed = "smtp_randomize_addresses = no\n";
  assert.deepEqual(await addresses(mixed, `${fixed}smtp_address_preference = ipv6`), [
    "2001:db8::a",
    "192.0.2.10",
    "2001:db8::b",
    "192.0.2.20",
  ]);
  assert.deepEqual(await addresses(mixed, `${fixed}smtp_address_preference = ipv4`), [
    "192.0.2.10",
    "2001:db8::a",
    "192.0.2.20",
    "2001:db8::b",
  ]);
  const orders = new Set<string>();
  for (let round = 0; round < 20; round++) orders.add((await addresses(zone(...four), "")).join());
  assert.ok(orders.size > 10, "eight addresses come in the same order again and again");
});

Deno.test("destination: host, port and service in every form", () => {
  const parsed = (text: string) => {
    const destination = parseDestination(text, "smtp");
    assert.ok(destination.kind === "inet");
    return `${destination.host} ${destination.port} ${destination.literal}`;
  };
  assert.equal(parsed("example.com"), "example.com 25 false");
  assert.equal(parsed("example.com:submission"), "example.com 587 false");
  assert.equal(parsed("[mail.example.com]:2525"), "mail.example.com 2525 true");
  assert.equal(parsed("[192.0.2.1]"), "192.0.2.1 25 true");
  assert.equal(parsed("[ipv6:2001:db8::1]:26"), "2001:db8::1 26 true");
  for (
    const bad of ["", "[]", "[a]b", "a:0", "a:70000", "a:nosuchservice", "a b", "-a", "[a", "2001:db8::1"]
  ) {
    assert.throws(() => parseDestination(bad, "smtp"), DestinationError, bad);
  }
});
