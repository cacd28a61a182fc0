import assert from "node:assert/strict";
import { fingerprint, parseCertificate, pemBlocks, pemBytes } from "../../core/tls/certificate.ts";
import { hasOpenssl, makeCertificate, makeCertificates, opensslFingerprint } from "../../core/tls/testing.ts";
import {
  common,
  isNoise,
  normalize,
  play,
  scenarios,
  settingsOf,
  type TlsRecord,
  type TlsScenario,
} from "./starttls_scenarios_testing.ts";
import { startSmtpd } from "./testing.ts";

const ignore = !hasOpenssl();

/** A directory with certificates, and the fingerprints of the client's. */
async function certificates() {
  const directory = await Deno.makeTempDir();
  makeCertificates(directory);
  const pem = pemBlocks(await Deno.readTextFile(`${directory}/client.pem`))[0]!;
  const certificate = parseCertificate(pemBytes(pem));
  return {
    directory,
    fingerprints: {
      certificate: opensslFingerprint(directory, "client"),
      key: fingerprint(certificate.publicKey, "sha256"),
    },
    certificate,
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

function texts(sink: { lines(): readonly string[] }): string[] {
  return sink.lines().map((line) => line.replace(/^.*?postfix\/\w+(\[\d+\])?: /, ""));
}

Deno.test({
  name: "smtpd: TLS sessions go and are logged as with Postfix",
  ignore,
  async fn(t) {
    await using made = await certificates();
    const { directory, fingerprints } = made;
    const url = new URL("../../testdata/tls/server.json", import.meta.url);
    const recorded = JSON.parse(await Deno.readTextFile(url)) as Record<string, TlsRecord>;
    for (const scenario of scenarios) {
      await t.step(scenario.name, async () => {
        const server = startSmtpd(settingsOf(scenario, directory, fingerprints));
        const replies: string[] = [];
        for (let time = 0; time < (scenario.times ?? 1); time++) {
          replies.push(...await play(scenario, server.port, directory));
        }
        await server.close(1);
        const expected = recorded[scenario.name]!;
        // The keyword list is compared in the dialogues in the clear; the record is of an older release.
        const shown = (reply: string) =>
          normalize(reply, fingerprints).replace("250-SMTPUTF8\n", "")
            .replace("250-CHUNKING\n250 REQUIRETLS", "250 CHUNKING");
        // There, s_client gave up before it had shown the last reply.
        if (scenario.name !== "rate") assert.deepEqual(replies.map(shown), expected.replies.map(shown));
        const log = texts(server.sink).filter((line) => !isNoise(line))
          .map((line) => normalize(line, fingerprints));
        const once = (lines: readonly string[]) =>
          lines.filter((line, at) => line !== lines[at - 1] && !/TLS library|^discarding EHLO/.test(line));
        const ordered = (lines: readonly string[]) =>
          scenario.anyOrder === true ? once(lines).sort() : once(lines);
        assert.deepEqual(ordered(log), ordered(expected.log));
      });
    }
  },
});

/** The text lines of a message as cleanup got it. */
function received(records: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < records.length;) {
    const type = String.fromCharCode(records[at++]!);
    let length = 0;
    for (let shift = 0;; shift += 7) {
      const byte = records[at++]!;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (type === "N") lines.push(new TextDecoder().decode(records.subarray(at, at + length)));
    at += length;
  }
  return lines.join("\n");
}

Deno.test({
  name: "smtpd: Received: tells of TLS",
  ignore,
  async fn() {
    await using made = await certificates();
    const { directory, fingerprints } = made;
    const see = async (name: string) => {
      const scenario = scenarios.find((each) => each.name === name)!;
      const server = startSmtpd(settingsOf(scenario, directory, fingerprints));
      await play(scenario, server.port, directory);
      await server.close(1);
      return received(server.cleanup.stored[0]!.records);
    };
    assert.match(
      await see("1.2 self-signed"),
      /^Received: from y \(localhost \[127\.0\.0\.1\]\)\n\t\(using TLSv1\.2 with cipher ECDHE-ECDSA-AES256-GCM-SHA384 \(256\/256 bits\)\)\n\t\(Client CN "self\.example\.test", Issuer "self\.example\.test" \(not verified\)\)\n\tby mail\.example\.test \(Example\) with ESMTPS id /,
    );
    const server = "key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256";
    const client = "client-signature ECDSA (prime256v1) client-digest SHA256";
    const using = "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)";
    const given = await see("1.3 client certificate");
    const expected = [
      `${using}\n\t ${server}\n\t ${client})`,
      '\t(Client CN "client.example.test", Issuer "Test CA" (verified OK))',
    ];
    assert.ok(given.includes(expected.join("\n")), given);
    const missing = await see("1.3 no certificate");
    assert.ok(
      missing.includes(`${using}\n\t ${server})\n\t(Client did not present a certificate)\n`),
      missing,
    );
    assert.ok((await see("1.3 not asked")).includes("\t(No client certificate requested)\n"));
    assert.ok(!(await see("no received header")).includes("using"));
  },
});

const quiet: TlsScenario = { name: "", settings: {}, tls: [], say: ["EHLO y", "NOOP", "QUIT"] };

/** What openssl s_client shows of a server. */
async function look(port: number, args: readonly string[]): Promise<string> {
  const command = new Deno.Command("openssl", {
    args: ["s_client", "-connect", `127.0.0.1:${port}`, "-starttls", "smtp", ...args],
    stdin: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(60_000),
  });
  const { stdout, stderr } = await command.output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test({
  name: "smtpd: RSA and ECDSA side by side, names by SNI, versions",
  ignore,
  async fn() {
    await using made = await certificates();
    const { directory, fingerprints } = made;
    makeCertificate(directory, "named", "named.example.test", { ca: "ca" });
    const chain = ["named.key", "named.pem"].map((name) => Deno.readTextFileSync(`${directory}/${name}`))
      .join("");
    const at = (name: string) => `${directory}/${name}`;
    await Deno.writeTextFile(at("chain.pem"), chain);
    const settings = settingsOf(quiet, directory, fingerprints);
    const server = startSmtpd({
      ...settings,
      smtpd_tls_cert_file: at("rsa.pem"),
      smtpd_tls_key_file: at("rsa.key"),
      smtpd_tls_eccert_file: at("server.pem"),
      smtpd_tls_eckey_file: at("server.key"),
      tls_server_sni_maps: `inline:{{named.example.test=${btoa(chain)}} {.wild.test=${at("chain.pem")}}}`,
    });
    assert.match(await look(server.port, ["-tls1_2"]), /Peer signature type: ECDSA/);
    assert.match(await look(server.port, ["-tls1_3"]), /Peer signature type: ECDSA/);
    assert.match(await look(server.port, ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"]), /type: RSA/);
    assert.match(await look(server.port, ["-sigalgs", "RSA-PSS+SHA256"]), /Peer signature type: RSA-PSS/);
    assert.match(await look(server.port, ["-servername", "named.example.test"]), /subject=.*CN = named\./);
    assert.match(await look(server.port, ["-servername", "a.wild.test"]), /subject=.*CN = named\./);
    assert.match(await look(server.port, ["-servername", "else.test"]), /subject=.*CN = mail\./);
    await server.close(1);
    const modern = startSmtpd({ ...settings, smtpd_tls_protocols: ">=TLSv1.3" });
    assert.match(await look(modern.port, ["-tls1_2"]), /alert protocol version/);
    assert.match(await look(modern.port, ["-tls1_3"]), /TLSv1\.3, Cipher is TLS_AES/);
    await modern.close(1);
    assert.throws(
      () => startSmtpd({ ...settings, smtpd_tls_protocols: "TLSv1" }),
      /leaves neither TLSv1.2 nor/,
    );
  },
});

Deno.test({
  name: "smtpd: a resumed session keeps its verdict about the client's certificate",
  ignore,
  async fn() {
    await using made = await certificates();
    const { directory, fingerprints } = made;
    const server = startSmtpd({ ...settingsOf(quiet, directory, fingerprints), smtpd_tls_ask_ccert: "yes" });
    for (const name of ["client", "self"]) {
      const own = ["-cert", `${directory}/${name}.pem`, "-key", `${directory}/${name}.key`, "-tls1_2"];
      const session = `${directory}/${name}.session`;
      await look(server.port, [...own, "-sess_out", session]);
      assert.match(await look(server.port, [...own, "-sess_in", session]), /Reused, TLSv1\.2/);
    }
    await server.close(1);
    const status = texts(server.sink).map((line) => /^(\w+) TLS connection/.exec(line)?.[1])
      .filter((word) => word !== undefined);
    assert.deepEqual(status, ["Trusted", "Trusted", "Untrusted", "Untrusted"]);
  },
});

Deno.test({
  name: "smtpd: hostile ends of a handshake leave no session",
  ignore,
  async fn() {
    await using made = await certificates();
    const { directory, fingerprints } = made;
    const settings = { ...settingsOf(quiet, directory, fingerprints), smtpd_starttls_timeout: "1s" };
    const server = startSmtpd(settings);
    const hello = await captureHello();
    let seed = 7;
    const random = (below: number) => (seed = seed * 1103515245 + 12345 & 0x7fffffff) % below;
    const attempts: Uint8Array[] = [new Uint8Array(0), hello.subarray(0, 40), hello];
    for (let count = 0; count < 40; count++) {
      const damaged = hello.slice(0, 1 + random(hello.length));
      for (let flips = random(6); flips >= 0; flips--) damaged[random(damaged.length)] = random(256);
      attempts.push(damaged);
    }
    await Promise.all(attempts.map(async (bytes, index) => {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      const room = new Uint8Array(4096);
      await connection.read(room);
      await connection.write(new TextEncoder().encode("STARTTLS\r\n"));
      await connection.read(room);
      await connection.write(bytes).catch(() => 0);
      // Half of them hang until the time limit, the others go away.
      while (index % 2 === 0 && await connection.read(room).catch(() => null) !== null);
      connection.close();
    }));
    await server.idle();
    assert.equal(server.smtpd.sessions, 0);
    assert.ok(
      texts(server.sink).includes("SSL_accept error from localhost[127.0.0.1]: Connection timed out"),
    );
    assert.equal((await play(quiet, server.port, directory)).at(-1), "221 2.0.0 Bye");
    await server.close(1);
  },
});

/** The first octets of an OpenSSL client. */
async function captureHello(): Promise<Uint8Array> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const client = new Deno.Command("openssl", {
    args: ["s_client", "-connect", `127.0.0.1:${port}`, "-servername", "x.test"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const connection = await listener.accept();
  const room = new Uint8Array(4096);
  const count = await connection.read(room);
  connection.close();
  listener.close();
  await client.status;
  return room.slice(0, count ?? 0);
}

Deno.test({
  name: "smtpd: what was said in the clear behind STARTTLS is refused",
  ignore,
  async fn() {
    await using made = await certificates();
    const { directory, fingerprints } = made;
    const server = startSmtpd({ ...common, ...settingsOf(quiet, directory, fingerprints) });
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await connection.write(new TextEncoder().encode("EHLO y\r\n"));
    const room = new Uint8Array(4096);
    for (let text = ""; !text.includes("250 CHUNKING\r\n");) {
      text += new TextDecoder().decode(room.subarray(0, await connection.read(room) ?? 0));
    }
    await connection.write(new TextEncoder().encode("STARTTLS\r\nMAIL FROM:<evil@x.test>\r\n"));
    const reply = new TextDecoder().decode(room.subarray(0, await connection.read(room) ?? 0));
    assert.equal(reply, "554 5.5.0 Error: SMTP protocol synchronization\r\n");
    connection.close();
    await server.close(1);
  },
});

function isInstalled(program: string): boolean {
  try {
    return Deno.statSync(`/usr/bin/${program}`).isFile;
  } catch {
    return false;
  }
}

Deno.test({
  name: "smtpd: GnuTLS as client, both versions, with and without a certificate",
  ignore: ignore || !isInstalled("gnutls-cli"),
  async fn() {
    await using made = await certificates();
    const { directory, fingerprints } = made;
    for (const asks of ["no", "yes"]) {
      const server = startSmtpd({
        ...settingsOf(quiet, directory, fingerprints),
        smtpd_tls_loglevel: "1",
        smtpd_tls_ask_ccert: asks,
      });
      const seen: string[] = [];
      for (const version of ["TLS1.2", "TLS1.3"]) {
        for (const own of [[], ["client"], ["self"]]) {
          const { stdout, stderr } = await new Deno.Command("gnutls-cli", {
            args: [
              ...["--insecure", "--starttls-proto=smtp", "-p", String(server.port)],
              ...["--priority", `NORMAL:-VERS-ALL:+VERS-${version}`],
              ...own.flatMap((name) => [
                ...[
                  "--x509certfile",
                  `${directory}/${name}.pem`,
                  "--x509keyfile",
                  `${directory}/${name}.key`,
                ],
              ]),
              "localhost",
            ],
            stdin: "null",
            signal: AbortSignal.timeout(60_000),
          }).output();
          const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
          assert.match(text, /Handshake was completed/, text);
          seen.push(version);
        }
      }
      await server.close(1);
      const log = texts(server.sink).flatMap((line) =>
        /^(\w+) TLS connection established from \S+: (\S+) with/.exec(line)?.slice(1, 3).join(" ") ?? []
      );
      const status = asks === "yes" ? ["Anonymous", "Trusted", "Untrusted"] : Array(3).fill("Anonymous");
      assert.deepEqual(log, seen.map((version, at) => `${status[at % 3]} ${version.replace("TLS", "TLSv")}`));
    }
  },
});

Deno.test({
  name: "smtpd: swaks as client, whole messages of some size",
  ignore: ignore || !isInstalled("swaks"),
  async fn() {
    await using made = await certificates();
    const { directory, fingerprints } = made;
    const body = `${directory}/body`;
    Deno.writeTextFileSync(
      body,
      `Subject: test\n\n${"0123456789 and so on, to the end of the line\n".repeat(9000)}`,
    );
    for (const asks of ["no", "yes"]) {
      const server = startSmtpd({
        ...settingsOf(quiet, directory, fingerprints),
        smtpd_tls_ask_ccert: asks,
      });
      const { code, stdout } = await new Deno.Command("swaks", {
        args: [
          ...["--server", "127.0.0.1", "--port", String(server.port), "--tls", "--helo", "y"],
          ...["--from", "a@example.org", "--to", "b@example.test", "--data", `@${body}`],
        ],
        stdin: "null",
        signal: AbortSignal.timeout(60_000),
      }).output();
      const text = new TextDecoder().decode(stdout);
      assert.equal(code, 0, text.slice(0, 2000) + text.slice(-500));
      const sent = received(server.cleanup.stored[0]!.records);
      assert.equal(sent.split("0123456789 and so on, to the end of the line").length, 9001);
      await server.close(1);
    }
  },
});

Deno.test({
  name: "smtpd: keys that are replaced on disk are used without a restart",
  ignore,
  async fn() {
    await using made = await certificates();
    const { directory, fingerprints } = made;
    const place = (name: string) => {
      // Both at once, as tools that renew certificates do it.
      const text = ["key", "pem"].map((kind) => Deno.readTextFileSync(`${directory}/${name}.${kind}`)).join(
        "",
      );
      Deno.writeTextFileSync(`${directory}/new.pem`, text);
      Deno.renameSync(`${directory}/new.pem`, `${directory}/live.pem`);
    };
    place("server");
    const server = startSmtpd({
      ...settingsOf(quiet, directory, fingerprints),
      smtpd_tls_chain_files: `${directory}/live.pem`,
    });
    assert.match(await look(server.port, []), /subject=.*CN = mail\./);
    place("self");
    let shown = "";
    for (let tries = 0; tries < 60 && !/CN = self\./.test(shown); tries++) {
      await new Promise((done) => setTimeout(done, 500));
      shown = await look(server.port, []);
    }
    assert.match(shown, /subject=.*CN = self\./);
    await server.close(1);
  },
});
