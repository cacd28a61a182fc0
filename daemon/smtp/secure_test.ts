import assert from "node:assert/strict";
import { hasOpenssl, makeCertificates, opensslFingerprint } from "../../core/tls/testing.ts";
import { mail, makeBench } from "./double_testing.ts";
import { startFakeServer } from "./testing.ts";
import { startTlsServer } from "./tls_server_testing.ts";

const ignore = !hasOpenssl();

let made: string | undefined;

/** A directory with certificates, made once for all tests. */
function directory(): string {
  if (made === undefined) {
    made = Deno.makeTempDirSync();
    makeCertificates(made);
    const own = made;
    globalThis.addEventListener("unload", () => Deno.removeSync(own, { recursive: true }));
  }
  return made;
}

/** A server that trusts the authority of these certificates, and logs. */
function startServer(settings: Readonly<Record<string, string>> = {}) {
  const own = { smtpd_tls_CAfile: `${directory()}/ca.pem`, smtpd_tls_loglevel: "1" };
  return startTlsServer(directory(), { ...own, ...settings });
}

interface Outcome {
  readonly told: readonly string[];
  readonly log: readonly string[];
}

function clean(line: string): string {
  return line.replace(/^.*?postfix\/\w+(\[\d+\])?: /, "").replace(/\]:\d+/g, "]").replace(
    /queued as \w+/,
    "queued",
  );
}

/** Sends one message to a port with these parameters. */
async function send(port: number, main: Readonly<Record<string, string>>, waited = 0): Promise<Outcome> {
  const text = Object.entries({ smtp_tls_loglevel: "1", smtp_tls_CAfile: `${directory()}/ca.pem`, ...main })
    .map(([name, value]) => `${name} = ${value}`).join("\n");
  await using bench = makeBench({ main: `${text}\nsmtp_host_lookup = native\nsmtp_starttls_timeout = 3s` });
  const now = Date.now() / 1000;
  const times = { incoming: now - waited, active: now, agent: now, connected: 0, delivered: 0, reuse: 0 };
  await mail(bench, { nexthop: `[localhost]:${port}`, request: { times } });
  return { told: bench.told().map(clean), log: bench.lines().map(clean) };
}

const HOST = "localhost[127.0.0.1]";
const SENT = `sent 2.0.0 ${HOST} 250 2.0.0 Ok: queued`;
const DETAILS = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) " +
  "key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256";
const established = (status: string) => `${status} TLS connection established to ${HOST}: ${DETAILS}`;
const NOT_VERIFIED = `deferred 4.7.5 ${HOST} Server certificate not verified`;

Deno.test({
  name: "smtp client: TLS levels decide and log as with Postfix",
  ignore,
  async fn(t) {
    const server = startServer();
    const at = (name: string) => `${directory()}/${name}`;
    const print = opensslFingerprint(directory(), "server");
    const level = (value: string) => ({ smtp_tls_security_level: value });
    const other = { smtp_tls_CAfile: at("other.pem") };
    const cases: [string, Record<string, string>, string[]][] = [
      ["none", { smtp_tls_note_starttls_offer: "yes" }, [SENT, "Host offered STARTTLS: [localhost]"]],
      ["may", level("may"), [SENT, established("Trusted")]],
      ["may, unknown authority", { ...level("may"), ...other }, [SENT, established("Untrusted")]],
      ["encrypt", level("encrypt"), [SENT, established("Trusted")]],
      ["verify, another name", level("verify"), [
        NOT_VERIFIED,
        `server certificate verification failed for ${HOST}: num=62:hostname mismatch`,
        established("Untrusted"),
      ]],
      ["verify", { ...level("verify"), smtp_tls_verify_cert_match: "mail.example.test" }, [
        SENT,
        established("Verified"),
      ]],
      ["verify, unknown authority", {
        ...level("verify"),
        ...other,
        smtp_tls_verify_cert_match: "mail.example.test",
      }, [
        NOT_VERIFIED,
        `certificate verification failed for ${HOST}: untrusted issuer /O=Example/CN=Test CA`,
        established("Untrusted"),
      ]],
      ["secure", { ...level("secure"), smtp_tls_secure_cert_match: "nexthop, .example.test" }, [
        SENT,
        established("Verified"),
      ]],
      ["fingerprint", { ...level("fingerprint"), smtp_tls_fingerprint_cert_match: print, ...other }, [
        SENT,
        established("Verified"),
      ]],
      ["fingerprint, another", { ...level("fingerprint"), smtp_tls_fingerprint_cert_match: "AA:BB" }, [
        NOT_VERIFIED,
        `server certificate verification failed for ${HOST}: fingerprint mismatch`,
        established("Untrusted"),
      ]],
      ["policy table", {
        smtp_tls_policy_maps: `inline:{{[localhost]:${server.port}=secure match=mail.example.test:x.test}}`,
      }, [SENT, established("Verified")]],
      ["policy table, versions", {
        smtp_tls_policy_maps: `inline:{{[localhost]:${server.port}=encrypt protocols=TLSv1.2}}`,
      }, [
        SENT,
        `Trusted TLS connection established to ${HOST}: ` +
        "TLSv1.2 with cipher ECDHE-ECDSA-AES256-GCM-SHA384 (256/256 bits)",
      ]],
      ["policy table, nonsense", { smtp_tls_policy_maps: `inline:{{[localhost]:${server.port}=strong}}` }, [
        "deferred 4.7.5 none client TLS configuration problem",
      ]],
      ["per site", { smtp_tls_per_site: "inline:{localhost=MUST}" }, [
        NOT_VERIFIED,
        `server certificate verification failed for ${HOST}: num=62:hostname mismatch`,
        established("Untrusted"),
      ]],
      ["engine without keys", { ...level("encrypt"), smtp_tls_cert_file: at("none.pem") }, [
        `deferred 4.7.5 ${HOST} TLS is required, but our TLS engine is unavailable`,
      ]],
      ["dane-only", level("dane-only"), ["deferred 4.7.5 none client TLS configuration problem"]],
    ];
    for (const [name, main, expected] of cases) {
      await t.step(name, async () => {
        const { told, log } = await send(server.port, main);
        assert.deepEqual([...told, ...log.filter((line) => !line.startsWith("warning: "))], expected);
      });
    }
    await server.close(1);
  },
});

Deno.test({
  name: "smtp client: certificates, wrapper mode and server names",
  ignore,
  async fn() {
    const at = (name: string) => `${directory()}/${name}`;
    const asking = startServer({ smtpd_tls_security_level: "encrypt", smtpd_tls_req_ccert: "yes" });
    const own = {
      smtp_tls_security_level: "encrypt",
      smtp_tls_cert_file: at("client.pem"),
      smtp_tls_key_file: at("client.key"),
    };
    assert.deepEqual((await send(asking.port, own)).told, [SENT]);
    assert.deepEqual((await send(asking.port, { ...own, smtp_tls_mandatory_protocols: "TLSv1.2" })).told, [
      SENT,
    ]);
    assert.match(
      (await send(asking.port, { smtp_tls_security_level: "encrypt" })).told[0]!,
      /^deferred 4\.7\.1 .*No client certificate presented/,
    );
    await asking.close(1);
    const wrapped = startServer({ smtpd_tls_wrappermode: "yes" });
    const wrapper = { smtp_tls_wrappermode: "yes", smtp_tls_security_level: "encrypt" };
    assert.deepEqual((await send(wrapped.port, wrapper)).told, [SENT]);
    await wrapped.close(1);
    const named = startServer({
      tls_server_sni_maps: `inline:{{x.test=${
        btoa(["self.key", "self.pem"].map((name) => Deno.readTextFileSync(at(name))).join(""))
      }}}`,
    });
    const asked = {
      smtp_tls_security_level: "verify",
      smtp_tls_verify_cert_match: "self.example.test",
      smtp_tls_servername: "x.test",
    };
    assert.deepEqual((await send(named.port, { ...asked, smtp_tls_CAfile: at("self.pem") })).told, [SENT]);
    assert.deepEqual((await send(named.port, asked)).told, [NOT_VERIFIED]);
    await named.close(1);
  },
});

Deno.test({
  name: "smtp client: a server without TLS, or with a broken one",
  ignore,
  async fn() {
    const encrypt = { smtp_tls_security_level: "encrypt" };
    const may = { smtp_tls_security_level: "may" };
    await using plain = startFakeServer();
    assert.deepEqual((await send(plain.port, encrypt)).told, [
      `deferred 4.7.4 ${HOST} TLS is required, but was not offered by host ${HOST}`,
    ]);
    assert.match((await send(plain.port, may)).told[0]!, /^sent /);
    const keywords = ["STARTTLS", "PIPELINING"];
    await using refusing = startFakeServer({ keywords, on: { STARTTLS: "454 4.7.0 not now" } });
    assert.deepEqual((await send(refusing.port, encrypt)).told, [
      `deferred 4.7.0 ${HOST} TLS is required, but host ${HOST} refused to start TLS: 454 4.7.0 not now`,
    ]);
    assert.match((await send(refusing.port, may)).told[0]!, /^sent /);
    const garbage = {
      steps: ["220 go", { raw: "THIS IS NOT TLS AT ALL, NOT AT ALL\r\n" }, { do: "close" }],
    } as const;
    await using broken = startFakeServer({ keywords, on: { STARTTLS: garbage } });
    const failed = [`deferred 4.7.5 ${HOST} Cannot start TLS: handshake failure`];
    assert.deepEqual((await send(broken.port, encrypt)).told, failed);
    assert.deepEqual((await send(broken.port, encrypt, 5000)).told, failed);
    const fresh = await send(broken.port, may);
    assert.deepEqual(fresh.told, failed);
    assert.ok(
      fresh.log.includes(`SSL_connect error to ${HOST}: -1`) ||
        fresh.log.includes(`SSL_connect error to ${HOST}: lost connection`),
      fresh.log.join("\n"),
    );
    // After minimal_backoff_time the same server gets the message in the clear.
    assert.match((await send(broken.port, may, 5000)).told[0]!, /^sent /);
    for (const session of broken.sessions.slice(0, -1)) assert.deepEqual(session.messages, []);
    await using silent = startFakeServer({
      keywords,
      on: { STARTTLS: { steps: ["220 go", { do: "hang" }] } },
    });
    const hung = await send(silent.port, encrypt);
    assert.deepEqual(hung.told, failed);
    assert.ok(hung.log.includes(`SSL_connect error to ${HOST}: Connection timed out`));
  },
});

Deno.test({
  name: "smtp client: sessions under TLS are kept for the same policy only",
  ignore,
  async fn() {
    const server = startServer();
    await using bench = makeBench({
      main:
        `smtp_tls_security_level = encrypt\nsmtp_host_lookup = native\nsmtp_connection_cache_destinations = static:all`,
    });
    const nexthop = `[localhost]:${server.port}`;
    await mail(bench, { nexthop });
    await mail(bench, { nexthop });
    assert.deepEqual(bench.fates.map((fate) => [fate.status, fate.reuse]), [["sent", 0], ["sent", 2]]);
    await bench.client.stop(1);
    await server.close(1);
  },
});
