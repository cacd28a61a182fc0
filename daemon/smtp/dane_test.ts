/** DANE (RFC 7672): which servers get mail, by what a name server and their certificates say. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { a, mx, startNameServer, type Zone } from "../../core/dns/testing.ts";
import { parseCertificate, pemBlocks, pemBytes } from "../../core/tls/certificate.ts";
import { hasOpenssl, makeCertificate } from "../../core/tls/testing.ts";
import { mail, makeBench } from "./double_testing.ts";
import { startTlsServer } from "./tls_server_testing.ts";

const HOST = "mx.example.test";
const DOMAIN = "example.test";

/** One TLSA record; the data of a certificate file, of its key with selector 1, as a digest with a matching type. */
function tlsa(directory: string, name: string, usage: number, selector: number, matchingType: number) {
  const raw = pemBytes(pemBlocks(Deno.readTextFileSync(`${directory}/${name}.pem`))[0]!);
  const value = selector === 0 ? raw : parseCertificate(raw).publicKey;
  const algorithm = [undefined, "sha256", "sha512"][matchingType];
  const data = algorithm === undefined ? value : createHash(algorithm).update(value).digest();
  return { type: "TLSA", data: { usage, selector, matchingType, certificate: Buffer.from(data) } };
}

type Record_ = ReturnType<typeof tlsa>;

const odd = (usage: number, selector: number, matchingType: number, length: number): Record_ => ({
  type: "TLSA",
  data: { usage, selector, matchingType, certificate: Buffer.alloc(length, 7) },
});

Deno.test({
  name: "smtp client: DANE decides who gets mail",
  ignore: !hasOpenssl(),
  async fn(t) {
    const directory = Deno.makeTempDirSync();
    makeCertificate(directory, "ca", "Test CA", { authority: true });
    makeCertificate(directory, "other", "Other CA", { authority: true });
    makeCertificate(directory, "server", HOST, { ca: "ca" });
    makeCertificate(directory, "wrong", "elsewhere.test", { ca: "ca" });
    makeCertificate(directory, "self", "whatever.test");
    const both = (name: string) => {
      const text = Deno.readTextFileSync(`${directory}/${name}.pem`) +
        Deno.readTextFileSync(`${directory}/ca.pem`);
      Deno.writeTextFileSync(`${directory}/${name}-chain.pem`, text);
      return [`${directory}/${name}-chain.pem`, `${directory}/${name}.key`] as const;
    };
    const server = (certificate: string, key: string, level = "may") =>
      startTlsServer(directory, {
        myhostname: HOST,
        smtpd_tls_security_level: level,
        smtpd_tls_cert_file: certificate,
        smtpd_tls_key_file: key,
      });
    const good = server(...both("server"));
    const alone = server(`${directory}/server.pem`, `${directory}/server.key`);
    const wrong = server(...both("wrong"));
    const self = server(`${directory}/self.pem`, `${directory}/self.key`);
    const plain = server("", "", "none");
    const zone = (port: number, records: readonly Record_[], insecure: readonly string[] = []): Zone => {
      const base = `_${port}._tcp.${HOST}`;
      return {
        records: {
          [DOMAIN]: [mx(10, HOST)],
          [HOST]: [a("127.0.0.1")],
          ...(records.length === 0 ? {} : { [base]: records }),
        },
        secure: [DOMAIN, HOST, base].filter((name) => !insecure.includes(name)),
      };
    };
    const send = async (port: number, served: Zone, level: string, more = "") => {
      await using names = startNameServer(served);
      await using bench = makeBench({
        nameServer: names.address,
        main: `smtp_tls_security_level = ${level}\nsmtp_dns_support_level = dnssec\nsmtp_tls_loglevel = 1\n` +
          `smtp_starttls_timeout = 20s\n${more}`,
      });
      await mail(bench, { nexthop: `${DOMAIN}:${port}` });
      const clean = (line: string) =>
        line.replace(/^.*?postfix\/\w+(\[\d+\])?: /, "").replaceAll(`:${port}`, ":PORT").replace(
          /queued as \w+/,
          "queued",
        ).replace(/established to (\S+): .*/, "established to $1");
      return [...bench.told().map(clean), ...bench.lines().map(clean)];
    };
    const relay = `${HOST}[127.0.0.1]:PORT`;
    const sent = `sent 2.0.0 ${relay} 250 2.0.0 Ok: queued`;
    const established = (status: string) => `${status} TLS connection established to ${relay}`;
    const verified = [sent, established("Verified")];
    const refused = [
      `deferred 4.7.5 ${relay} Server certificate not verified`,
      `certificate verification failed for ${relay}: num=65:No matching DANE TLSA records`,
      established("Untrusted"),
    ];
    const deferred = (reason: string) => [`deferred 4.7.5 none ${reason}`];
    const record = (name: string, usage: number, selector: number, matchingType: number) =>
      tlsa(directory, name, usage, selector, matchingType);
    const cases: [string, { readonly port: number }, readonly Record_[], string, readonly string[]][] = [];
    for (const selector of [0, 1]) {
      for (const type of [0, 1, 2]) {
        cases.push([`3 ${selector} ${type}`, good, [record("server", 3, selector, type)], "dane", verified]);
        cases.push([`2 ${selector} ${type}`, good, [record("ca", 2, selector, type)], "dane-only", verified]);
      }
    }
    cases.push(
      ["usage 3 asks for no name", self, [record("self", 3, 1, 1)], "dane", verified],
      ["usage 2 asks for the name", wrong, [record("ca", 2, 0, 1)], "dane", refused],
      ["one of several", good, [record("other", 3, 0, 1), record("server", 3, 0, 1)], "dane", verified],
      ["another key", good, [record("other", 3, 1, 1)], "dane", refused],
      ["another authority", good, [record("other", 2, 0, 1)], "dane", refused],
      ["an authority that is not sent", alone, [record("ca", 2, 0, 1)], "dane", refused],
      ["an authority in the record", alone, [record("ca", 2, 0, 0)], "dane", verified],
      ["an authority's key in the record", alone, [record("ca", 2, 1, 0)], "dane", verified],
      [
        "the strongest digest counts",
        good,
        [record("other", 3, 1, 2), record("server", 3, 1, 1)],
        "dane",
        refused,
      ],
      ["no record", good, [], "dane", [sent, established("Untrusted")]],
      ["no record, dane-only", good, [], "dane-only", deferred("no TLSA records found")],
      ["unusable", good, [odd(1, 1, 1, 32), odd(3, 1, 1, 31)], "dane", [sent, established("Untrusted")]],
      ["unusable, dane-only", good, [odd(3, 2, 1, 32)], "dane-only", deferred("TLSA records unusable")],
      ["unusable demands TLS", plain, [odd(3, 1, 9, 32)], "dane", [
        `deferred 4.7.4 ${relay} TLS is required, but was not offered by host ${HOST}[127.0.0.1]`,
      ]],
      ["records demand TLS", plain, [record("server", 3, 1, 1)], "dane", [
        `deferred 4.7.4 ${relay} TLS is required, but was not offered by host ${HOST}[127.0.0.1]`,
      ]],
      ["nothing demands TLS", plain, [], "dane", [sent]],
    );
    try {
      for (const [name, peer, records, level, expected] of cases) {
        await t.step(name, async () => {
          assert.deepEqual(await send(peer.port, zone(peer.port, records), level), expected);
        });
      }
      const { port } = good;
      const records = [record("other", 3, 1, 1)];
      await t.step("answers that are not validated count as none", async () => {
        for (const insecure of [DOMAIN, HOST, `_${port}._tcp.${HOST}`]) {
          const served = zone(port, records, [insecure]);
          assert.deepEqual(await send(port, served, "dane"), [sent, established("Untrusted")], insecure);
        }
        assert.deepEqual(
          await send(port, zone(port, records, [DOMAIN]), "dane-only"),
          deferred("non DNSSEC destination"),
        );
      });
      await t.step("a name server that fails makes mail wait", async () => {
        for (const level of ["dane", "dane-only"]) {
          const served = { ...zone(port, []), faults: { [`_${port}._tcp.${HOST}`]: "SERVFAIL" as const } };
          assert.deepEqual(
            await send(port, served, level),
            deferred(`TLSA lookup error for ${HOST}:PORT`),
          );
        }
      });
      await t.step("without smtp_dns_support_level = dnssec there is no DANE", async () => {
        const more = "smtp_dns_support_level = enabled";
        const warning = `warning: ${DOMAIN}:PORT: dane configured with dnssec lookups disabled`;
        assert.deepEqual(await send(port, zone(port, records), "dane", more), [
          sent,
          warning,
          established("Untrusted"),
        ]);
        assert.deepEqual(await send(port, zone(port, records), "dane-only", more), [
          ...deferred("client TLS configuration problem"),
          warning,
        ]);
      });
    } finally {
      for (const each of [good, alone, wrong, self, plain]) await each.close(1);
      Deno.removeSync(directory, { recursive: true });
    }
  },
});
