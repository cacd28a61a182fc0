/** Routing by DNS with the whole daemon, in a mount name space that has a resolv.conf of its own. */
import assert from "node:assert/strict";
import process from "node:process";
import { a, mx, startNameServer } from "../../core/dns/testing.ts";
import { startInstance } from "../master/testing.ts";
import { startFakeServer } from "../smtp/testing.ts";
import { queued, send, until } from "./testing.ts";

const ROOT = process.geteuid?.() === 0;
const options = { sanitizeOps: false, sanitizeResources: false };

Deno.test({
  name:
    "MX preference, fallback to the next exchanger and to A, null MX, loops, name servers that say nothing",
  ignore: !ROOT,
  ...options,
  async fn() {
    const net = `127.${1 + Deno.pid % 250}.${(Deno.pid >> 8) % 250}`;
    await using _dns = startNameServer({
      records: {
        "pref.example": [mx(20, "second.example"), mx(10, "first.example"), mx(30, "third.example")],
        "first.example": [a(`${net}.11`)],
        "second.example": [a(`${net}.12`)],
        "third.example": [a(`${net}.13`)],
        "bare.example": [a(`${net}.12`)],
        "null.example": [mx(0, "")],
        "loop.example": [mx(10, "mx.example.com"), mx(20, "second.example")],
        "mx.example.com": [a("127.0.0.1")],
        "noaddress.example": [mx(10, "nowhere.example")],
      },
      faults: { "silent.example": "silent", "failing.example": "SERVFAIL" },
    }, { address: `${net}.53`, port: 53 });
    // Nobody listens at the first exchanger.
    await using second = startFakeServer({ hostname: `${net}.12`, port: 25 });
    await using third = startFakeServer({ hostname: `${net}.13`, port: 25 });
    const resolv = Deno.makeTempFileSync();
    Deno.writeTextFileSync(resolv, `nameserver ${net}.53\noptions timeout:1 attempts:1\n`);
    await using instance = await startInstance({
      enter: ["unshare", "-m", "sh", "-c", `mount --bind ${resolv} /etc/resolv.conf && exec "$@"`, "sh"],
    });
    const domains = ["pref", "bare", "null", "loop", "noaddress", "silent", "failing", "missing"];
    const ids = new Map<string, string>();
    for (const domain of domains) ids.set(domain, (await send(instance.port, [`user@${domain}.example`])).id);
    const fate = async (domain: string) => await instance.logged(new RegExp(`${ids.get(domain)}: to=.*`));
    assert.match(await fate("pref"), /relay=second\.example\[\S+\]:25, .*status=sent/);
    assert.match(instance.log(), /connect to first\.example\[\S+\]:25: Connection refused/);
    assert.match(await fate("bare"), /relay=bare\.example\[\S+\]:25, .*status=sent/);
    assert.match(
      await fate("null"),
      /relay=none, .*dsn=5\.1\.0, status=bounced \(Domain null\.example does not accept mail \(nullMX\)\)/,
    );
    assert.match(
      await fate("loop"),
      /dsn=5\.4\.6, status=bounced \(mail for loop\.example loops back to myself\)/,
    );
    assert.match(
      await fate("noaddress"),
      /dsn=5\.4\.4, status=bounced \(Host or domain name not found\. Name service error for name=nowhere\.example type=A(AAA)?: Host not found\)/,
    );
    assert.match(
      await fate("silent"),
      /dsn=4\.4\.3, status=deferred \(Host or domain name not found\. Name service error for name=silent\.example type=MX: Host not found, try again\)/,
    );
    assert.match(
      await fate("failing"),
      /dsn=4\.4\.3, status=deferred \(.*failing\.example type=MX: Host not found, try again\)/,
    );
    assert.match(
      await fate("missing"),
      /dsn=5\.4\.4, status=bounced \(.*missing\.example type=A(AAA)?: Host not found\)/,
    );
    await until("two deferred", () => queued(instance, "deferred").length >= 2);
    assert.equal(third.sessions.length, 0);
    assert.ok(second.sessions.length >= 2);
    Deno.removeSync(resolv);
  },
});
