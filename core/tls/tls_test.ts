import assert from "node:assert/strict";
import { configFromText } from "../config/mod.ts";
import { fingerprint, parseCertificate, pemBlocks, pemBytes } from "./certificate.ts";
import { DerError } from "./der.ts";
import { ClientHelloReader, HelloError, ServerHelloWatcher } from "./hello.ts";
import { KeyFileError, KeyRing, KeyStore, pairsInChain } from "./key_files.ts";
import { matchesName } from "./names.ts";
import { hasOpenssl, makeCertificate, makeCertificates, opensslFingerprint } from "./testing.ts";
import { sessionText } from "./text.ts";
import type { TlsSession } from "./types.ts";
import { parseProtocols, unsupportedText } from "./versions.ts";

const ignore = !hasOpenssl();

Deno.test("tls: protocol lists in all their forms", () => {
  const range = (text: string) => parseProtocols(text.split(/[\s,]+/).filter((word) => word !== ""))?.range;
  const both = { min: "TLSv1.2", max: "TLSv1.3" };
  assert.deepEqual(range(""), both);
  assert.deepEqual(range(">=TLSv1"), both);
  assert.deepEqual(range("!SSLv2, !SSLv3, !TLSv1, !TLSv1.1"), both);
  assert.deepEqual(range(">=TLSv1.2, <=TLSv1.2"), { min: "TLSv1.2", max: "TLSv1.2" });
  assert.deepEqual(range("TLSv1.3"), { min: "TLSv1.3", max: "TLSv1.3" });
  assert.deepEqual(range("!TLSv1.2"), { min: "TLSv1.3", max: "TLSv1.3" });
  assert.deepEqual(range(">=0304"), { min: "TLSv1.3", max: "TLSv1.3" });
  assert.equal(range("TLSv1, TLSv1.1"), undefined);
  assert.equal(parseProtocols(["TLSv9"]), undefined);
});

Deno.test("tls: settings without effect are named in one sentence", () => {
  const say = (text: string) => unsupportedText(configFromText(text), "smtpd_tls");
  assert.equal(
    say("smtpd_tls_mandatory_ciphers = high\nsmtpd_tls_exclude_ciphers = aNULL, RC4, 3DES"),
    undefined,
  );
  assert.match(say("smtpd_tls_exclude_ciphers = AES128")!, /no effect: smtpd_tls_exclude_ciphers$/);
  assert.match(say("smtpd_tls_protocols = >=TLSv1")!, /no TLSv1, no TLSv1\.1/);
});

Deno.test("tls: a session in words; nobody signs in a resumed one", () => {
  const session: TlsSession = {
    protocol: "TLSv1.3",
    cipher: "TLS_AES_256_GCM_SHA384",
    cipherBits: 256,
    keyExchange: "X25519",
    serverSignature: { key: { algorithm: "RSA", bits: 2048, curve: "" }, digest: "SHA256" },
    clientSignature: { key: { algorithm: "ECDSA", bits: 0, curve: "prime256v1" }, digest: "SHA256" },
    resumed: false,
    peer: undefined,
    chain: [],
    trusted: false,
    problem: "",
    serverName: "",
  };
  const cipher = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519";
  assert.equal(
    sessionText(session),
    `${cipher} server-signature RSA-PSS (2048 bits) server-digest SHA256 ` +
      "client-signature ECDSA (prime256v1) client-digest SHA256",
  );
  assert.equal(
    sessionText({ ...session, resumed: true }),
    `${cipher} server-signature RSA-PSS (2048 bits) client-signature ECDSA (prime256v1)`,
  );
});

Deno.test("tls: names in certificates", () => {
  assert.ok(matchesName("mail.example.com", "mail.example.com", true));
  assert.ok(matchesName("*.example.com", "mail.example.com", false));
  assert.ok(!matchesName("*.example.com", "a.mail.example.com", false));
  assert.ok(matchesName("*.example.com", "a.mail.example.com", true));
  assert.ok(!matchesName("*.example.com", "example.com", true));
  assert.ok(!matchesName("*.com", "example.com", true));
  assert.ok(matchesName("mx.example.com", ".example.com", true));
  assert.ok(!matchesName("example.com", ".example.com", true));
  assert.ok(!matchesName("badexample.com", ".example.com", true));
  assert.ok(!matchesName("", "example.com", true));
});

Deno.test({
  name: "tls: certificates are taken apart as openssl does",
  ignore,
  async fn() {
    const directory = await Deno.makeTempDir();
    makeCertificates(directory);
    const read = (name: string) =>
      parseCertificate(pemBytes(pemBlocks(Deno.readTextFileSync(`${directory}/${name}.pem`))[0]!));
    for (const digest of ["md5", "sha1", "sha256"]) {
      assert.equal(fingerprint(read("server").raw, digest), opensslFingerprint(directory, "server", digest));
    }
    const { subject, issuer, dnsNames, key } = read("rsa");
    assert.deepEqual([subject, issuer, dnsNames], ["mail.example.test", "Test CA", ["mail.example.test"]]);
    assert.deepEqual(key, { algorithm: "RSA", bits: 2048, curve: "" });
    assert.deepEqual(read("server").key, { algorithm: "ECDSA", bits: 0, curve: "prime256v1" });
    const { raw } = read("client");
    let seed = 1;
    const random = (below: number) => (seed = seed * 1103515245 + 12345 & 0x7fffffff) % below;
    for (let count = 0; count < 3000; count++) {
      const damaged = raw.slice(0, random(4) === 0 ? random(raw.length) : raw.length);
      if (damaged.length > 0) {
        for (let flips = random(4); flips >= 0; flips--) damaged[random(damaged.length)] = random(256);
      }
      try {
        parseCertificate(damaged);
      } catch (error) {
        assert.ok(error instanceof DerError, String(error));
      }
    }
    await Deno.remove(directory, { recursive: true });
  },
});

Deno.test({
  name: "tls: a replaced key is used, half a replacement is not",
  ignore,
  async fn() {
    const directory = await Deno.makeTempDir();
    makeCertificate(directory, "a", "a.test");
    makeCertificate(directory, "b", "b.test");
    const at = (name: string) => `${directory}/${name}`;
    const copy = (from: string, to: string) => {
      Deno.writeTextFileSync(at("new"), Deno.readTextFileSync(at(from)));
      Deno.renameSync(at("new"), at(to));
    };
    copy("a.pem", "cert");
    copy("a.key", "key");
    const warnings: string[] = [];
    const wishes: string[] = [];
    const events = {
      warn: (text: string) => void warnings.push(text),
      requestReplacement: (text: string) => void wishes.push(text),
    };
    const ring = new KeyRing({ chainFiles: [], pairs: [[at("cert"), at("key")]] }, new KeyStore(), events, 0);
    const subject = () => ring.pairs()[0]!.certificate.subject;
    assert.equal(subject(), "a.test");
    copy("b.pem", "cert");
    assert.equal(subject(), "a.test");
    assert.equal(subject(), "a.test");
    assert.equal(warnings.length, 1);
    assert.match(
      warnings[0]!,
      /the private key does not match the certificate; the previous keys stay in use/,
    );
    assert.equal(wishes.length, 1);
    copy("b.key", "key");
    assert.equal(subject(), "b.test");
    Deno.removeSync(at("key"));
    assert.equal(subject(), "b.test");
    assert.match(warnings[1]!, /cannot open .*key: No such file or directory/);
    const text = (name: string) => Deno.readTextFileSync(at(name));
    assert.equal(pairsInChain(text("a.key") + text("a.pem") + text("b.key") + text("b.pem"), "x").length, 2);
    assert.throws(() => pairsInChain(text("a.pem") + text("a.key"), "x"), /stands before any private key/);
    assert.throws(() => pairsInChain("", "x"), KeyFileError);
    await Deno.remove(directory, { recursive: true });
  },
});

Deno.test("tls: no input makes the hello reader fail in another way than it says", () => {
  let seed = 3;
  const random = (below: number) => (seed = seed * 1103515245 + 12345 & 0x7fffffff) % below;
  for (let count = 0; count < 5000; count++) {
    const body = new Uint8Array(random(120));
    for (let at = 0; at < body.length; at++) body[at] = random(3) === 0 ? 0 : random(256);
    const length = random(3) === 0 ? random(200) : body.length;
    const head = [22, 3, random(4), 0, body.length + 4, 1 + random(2), 0, 0, length];
    const bytes = Uint8Array.from([...head, ...body]);
    const reader = new ClientHelloReader();
    const watcher = new ServerHelloWatcher();
    try {
      for (let at = 0; at < bytes.length;) {
        const piece = bytes.subarray(at, at += 1 + random(60));
        watcher.add(piece);
        reader.add(piece);
      }
    } catch (error) {
      assert.ok(error instanceof HelloError, String(error));
    }
  }
  assert.throws(() => new ClientHelloReader().add(new TextEncoder().encode("EHLO x\r\n")), /this is not TLS/);
});
