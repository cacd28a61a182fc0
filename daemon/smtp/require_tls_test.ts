/** REQUIRETLS and `TLS-Required: no` (RFC 8689): which servers get such a message, and how. */
import assert from "node:assert/strict";
import { configFromText } from "../../core/config/mod.ts";
import { TableSet } from "../../core/table/mod.ts";
import { hasOpenssl, makeCertificates } from "../../core/tls/testing.ts";
import { CleanupFlag } from "../cleanup/types.ts";
import { SendOption } from "../delivery/types.ts";
import { mail, makeBench } from "./double_testing.ts";
import { readDemands } from "./require_tls.ts";
import { startFakeServer } from "./testing.ts";
import { startTlsServer } from "./tls_server_testing.ts";

const ignore = !hasOpenssl();
const { TlsNotRequired: TLS_NOT_REQUIRED, RequireTls: REQUIRE_TLS } = SendOption;

Deno.test({
  name: "smtp client: REQUIRETLS reaches servers that prove who they are, and no others",
  ignore,
  async fn(t) {
    const directory = Deno.makeTempDirSync();
    makeCertificates(directory);
    const knowing = startTlsServer(directory);
    const ignorant = startTlsServer(directory, { requiretls_enable: "no" });
    await using plain = startFakeServer();
    const host = "localhost[127.0.0.1]";
    const send = async (
      port: number,
      main: Readonly<Record<string, string>>,
      sendopts: number = REQUIRE_TLS,
    ) => {
      const lines = Object.entries({
        smtp_tls_CAfile: `${directory}/ca.pem`,
        smtp_tls_security_level: "may",
        smtp_host_lookup: "native",
        ...main,
      }).map(([name, value]) => `${name} = ${value}`);
      await using bench = makeBench({ main: lines.join("\n") });
      await mail(bench, { nexthop: `[localhost]:${port}`, request: { sendopts } });
      return bench.told().join("\n").replace(/\]:\d+/g, "]").replace(/(sent) .*/, "$1");
    };
    /** Did the server get REQUIRETLS with the last message? */
    const passedOn = () => ((knowing.cleanup.stored.at(-1)?.flags ?? 0) & CleanupFlag.RequireTls) !== 0;
    const policy = (value: string) => ({ smtp_requiretls_policy: value });
    const verified = {
      smtp_tls_security_level: "verify",
      smtp_tls_verify_cert_match: "mail.example.test",
    };
    const enforce = { ...policy("enforce"), ...verified };
    try {
      await t.step("enforce", async () => {
        assert.equal(await send(knowing.port, enforce), "sent");
        assert.ok(passedOn());
        assert.equal(
          await send(ignorant.port, enforce),
          `bounced 5.7.30 ${host} REQUIRETLS is required, but was not offered by host ${host}`,
        );
        assert.equal(
          await send(plain.port, enforce),
          `bounced 5.7.10 ${host} TLS is required, but was not offered by host ${host}`,
        );
        assert.equal(
          await send(knowing.port, { ...enforce, smtp_tls_verify_cert_match: "other.test" }),
          `bounced 5.7.10 ${host} Server certificate not verified`,
        );
        assert.equal(
          await send(knowing.port, policy("enforce")),
          `bounced 5.7.10 ${host} REQUIRETLS is required, but nothing vouches for the certificate of host ${host}`,
        );
        assert.equal(
          await send(knowing.port, { ...policy("enforce"), smtp_tls_security_level: "none" }),
          `bounced 5.7.10 ${host} TLS is required, but the session with host ${host} is not protected`,
        );
        assert.equal(await send(plain.port, enforce, 0).then((told) => told.slice(0, 14)), "deferred 4.7.4");
      });
      await t.step("opportunistic+starttls", async () => {
        const starttls = policy("opportunistic+starttls");
        assert.equal(await send(knowing.port, starttls), "sent");
        assert.ok(passedOn());
        assert.equal(await send(ignorant.port, starttls), "sent");
        assert.match(await send(plain.port, starttls), /^bounced 5\.7\.10 .* TLS is required/);
      });
      await t.step("opportunistic, which is the default for localhost", async () => {
        assert.equal(await send(plain.port, {}), "sent");
        assert.equal(await send(knowing.port, {}), "sent");
        assert.ok(passedOn());
        const discarded = { smtp_discard_ehlo_keywords: "requiretls" };
        assert.equal(await send(knowing.port, discarded), "sent");
        assert.ok(!passedOn());
      });
      await t.step("disable, and switched off as a whole", async () => {
        assert.equal(await send(knowing.port, { ...enforce, ...policy("disable") }), "sent");
        assert.ok(!passedOn());
        assert.equal(await send(plain.port, { ...policy("enforce"), requiretls_enable: "no" }), "sent");
      });
      await t.step("a policy that nobody understands", async () => {
        const told = "deferred 4.7.0 none REQUIRETLS policy lookup error for [localhost]";
        assert.equal(await send(knowing.port, policy("sometimes")), told);
        assert.equal(await send(knowing.port, policy("inline:{localhost=often}")), told);
        assert.equal(await send(knowing.port, policy("sometimes"), 0), "sent");
      });
      await t.step("TLS-Required: no", async () => {
        const strict = { ...verified, smtp_tls_verify_cert_match: "other.test" };
        assert.match(await send(knowing.port, strict, 0), /^deferred 4\.7\.5/);
        assert.equal(await send(knowing.port, strict, TLS_NOT_REQUIRED), "sent");
        assert.equal(await send(plain.port, strict, TLS_NOT_REQUIRED), "sent");
        assert.match(
          await send(plain.port, { ...strict, ...policy("enforce") }, TLS_NOT_REQUIRED | REQUIRE_TLS),
          /^bounced 5\.7\.10/,
        );
        assert.match(
          await send(plain.port, { ...strict, tls_required_enable: "no" }, TLS_NOT_REQUIRED),
          /^deferred 4\.7\.4/,
        );
      });
    } finally {
      await knowing.close(1);
      await ignorant.close(1);
      Deno.removeSync(directory, { recursive: true });
    }
    assert.ok(plain.sessions.every(({ commands }) => !commands.some((line) => line.includes("REQUIRETLS"))));
  },
});

Deno.test({
  name: "smtp client: a session that was good enough for other mail is not taken for REQUIRETLS",
  ignore,
  async fn() {
    await using server = startFakeServer({ keywords: ["PIPELINING"] });
    await using bench = makeBench({
      main: "smtp_requiretls_policy = enforce\nsmtp_host_lookup = native\n" +
        "smtp_tls_security_level = may\nsmtp_connection_cache_destinations = static:all",
    });
    const nexthop = `[localhost]:${server.port}`;
    await mail(bench, { nexthop });
    await mail(bench, { nexthop, request: { sendopts: REQUIRE_TLS } });
    await mail(bench, { nexthop });
    assert.deepEqual(bench.fates.map(({ status }) => status), ["sent", "bounced", "sent"]);
    assert.equal(server.sessions.flatMap(({ messages }) => messages).length, 2);
  },
});

Deno.test("smtp_requiretls_policy: names, domains above them, addresses, elements in turn", async () => {
  const levels = async (settings: string, ...names: string[]) => {
    const config = configFromText(`mydomain = example.com\n${settings}\n`);
    const find = readDemands(config, new TableSet(config), "smtp");
    return await Promise.all(names.map(async (name) => (await find(REQUIRE_TLS, name)).level ?? "disable"));
  };
  assert.deepEqual(
    await levels("", "example.com", "mx.Example.COM", "localhost", "192.0.2.1", "2001:db8::1", "example.org"),
    ["opportunistic", "opportunistic", "opportunistic", "opportunistic", "opportunistic", "enforce"],
  );
  const table =
    "inline:{{.example = disable}, {.foo.example = enforce}, {bar.foo.example = opportunistic+starttls}}";
  assert.deepEqual(
    await levels(
      `smtp_requiretls_policy = ${table}, opportunistic`,
      "foo.example",
      "x.foo.example",
      "bar.foo.example",
      "example",
    ),
    ["disable", "enforce", "opportunistic+starttls", "opportunistic"],
  );
  // Without a word at the end, nothing is waived.
  assert.deepEqual(await levels(`smtp_requiretls_policy = ${table}`, "elsewhere"), ["enforce"]);
});
