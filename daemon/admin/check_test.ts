import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import process from "node:process";
import { loadConfig } from "../../core/config/mod.ts";
import { inspectInstallation } from "./check/mod.ts";
import { checkCertificates } from "./check/certificates.ts";
import { checkOwnership, checkQueueFiles } from "./check/ownership.ts";
import { nearName } from "./near_name.ts";

interface Place {
  readonly directory: string;
  write(name: string, text: string): string;
  findings(): Promise<string[]>;
}

async function withInstallation(
  main: (directory: string) => string[],
  work: (place: Place) => Promise<void>,
) {
  const directory = Deno.makeTempDirSync({ prefix: "postel-check-" });
  try {
    Deno.mkdirSync(`${directory}/etc`);
    const write = (name: string, text: string) => {
      Deno.writeTextFileSync(`${directory}/${name}`, text);
      return `${directory}/${name}`;
    };
    write(
      "etc/main.cf",
      [
        "compatibility_level = 3.11",
        `queue_directory = ${directory}/spool`,
        `data_directory = ${directory}/data`,
        "myhostname = mx.example.com",
        "mydestination = example.com",
        "mynetworks = 127.0.0.0/8",
        "alias_maps =",
        "alias_database =",
        ...main(directory),
      ].join("\n") + "\n",
    );
    write("etc/master.cf", "10025 inet n - n - - smtpd\nsmtp unix - - n - - smtp\n");
    await work({
      directory,
      write,
      findings: async () =>
        (await inspectInstallation(loadConfig({ directory: `${directory}/etc` }))).map(({ severity, text }) =>
          `${severity}: ${text.replaceAll(directory, "@")}`
        ).filter((text) =>
          !text.includes("/usr/lib/sendmail") && !text.includes("Replace one by a symbolic")
        ),
    });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("a sound configuration has no findings", async () => {
  await withInstallation(() => [], async ({ findings }) => {
    assert.deepEqual((await findings()).filter((text) => !/not owned by/.test(text)), []);
  });
});

Deno.test("mistakes in main.cf, each with its remedy", async () => {
  await withInstallation(
    (directory) => [
      "smtpd_relay_restriction = permit",
      "mynetworks = 0.0.0.0/0",
      "smtpd_recipient_restrictions = permit_mynetwork, reject_unauth_destination",
      "virtual_alias_domains = example.com, other.example",
      "canonical_maps = hesh:no-path",
      `virtual_alias_maps = hash:${directory}/virtual, nosuch:${directory}/x`,
      `transport_maps = regexp:${directory}/rules`,
    ],
    async ({ findings, write }) => {
      write("rules", "/unclosed\n");
      write("virtual", "a@other.example b\n");
      const found = await findings();
      for (
        const pattern of [
          /unused parameter: smtpd_relay_restriction=permit: did you mean smtpd_relay_restrictions\?/,
          /mynetworks: 0\.0\.0\.0\/0 trusts strangers/,
          /unknown smtpd restriction: "permit_mynetwork": did you mean permit_mynetworks\?/,
          /do not list domain example\.com in BOTH mydestination and virtual_alias_domains/,
          /virtual_alias_maps: @\/virtual\.db is missing: run "postmap hash:@\/virtual"/,
          /virtual_alias_maps: unsupported dictionary type: nosuch: use a type that "postconf -m" lists \(@\/etc\/main\.cf, line \d+\)/,
          /canonical_maps: unsupported dictionary type: hesh: .*: did you mean hash:\?/,
          /regexp map @\/rules, line 1: no closing regexp delimiter/,
        ]
      ) assert.ok(found.some((text) => pattern.test(text)), `${pattern}\n${found.join("\n")}`);
      assert.equal(found.filter((text) => text.startsWith("fatal")).length, 0);
    },
  );
});

Deno.test("a cache need not be there before the mail system has made it, but its type must be known", async () => {
  await withInstallation(
    () => [
      "address_verify_map = btree:$data_directory/verify",
      "smtp_tls_session_cache_database = btree:$data_directory/smtp_scache",
      "smtpd_tls_session_cache_database = nosuch:$data_directory/smtpd_scache",
    ],
    async ({ findings }) => {
      const found = (await findings()).filter((text) => / is missing|unsupported dictionary type/.test(text));
      assert.equal(found.length, 1, found.join("\n"));
      assert.match(
        found[0]!,
        /^warning: smtpd_tls_session_cache_database: unsupported dictionary type: nosuch/,
      );
    },
  );
});

Deno.test("a bad value is fatal", async () => {
  await withInstallation(() => ["smtpd_timeout = never"], async ({ findings }) => {
    assert.match((await findings()).join("\n"), /^fatal: .*smtpd_timeout/m);
  });
});

Deno.test("values that nothing can work with are fatal, with file and line", async () => {
  for (
    const [setting, expected] of [
      ["myhostname = a..b", /parameter myhostname: bad parameter value: a\.\.b: .*main\.cf, line \d+\)/],
      ["myhostname = 1.2.3.4", /parameter myhostname: bad parameter value: 1\.2\.3\.4/],
      ["mydomain = a b", /parameter mydomain: bad parameter value: a b/],
      ["inet_protocols = ipv5", /unknown inet_protocols value "ipv5" in "ipv5": .*main\.cf, line \d+\)/],
      ["inet_interfaces = all, 127.0.0.1", /inet_interfaces: "all" can't be combined with others/],
      ["syslog_facility = post", /parameter syslog_facility: unrecognized value: post/],
      ["mydestination = nosuch:/x", /mydestination: unsupported dictionary type: nosuch/],
    ] as const
  ) {
    await withInstallation(() => [setting], async ({ findings }) => {
      const fatal = (await findings()).filter((text) => text.startsWith("fatal: "));
      assert.equal(fatal.length, 1, `${setting}: ${fatal.join("; ")}`);
      assert.match(fatal[0]!, expected);
    });
  }
});

Deno.test("master.cf: names that leave the directory of sockets, and entries that replace others", async () => {
  await withInstallation(() => [], async ({ findings, write }) => {
    write("etc/master.cf", "../x unix n - n - - smtp\n");
    assert.match(
      (await findings()).join("\n"),
      /^fatal: @\/etc\/master\.cf: line 1: bad service name: "\.\.\/x"/m,
    );
    write("etc/master.cf", "smtp unix - - n - - smtp\nsmtp unix - - n - - discard\n");
    assert.match(
      (await findings()).join("\n"),
      /^warning: duplicate master\.cf entry for service "smtp" \(unix\) -- using the last entry$/m,
    );
  });
});

Deno.test("an open relay is found by playing a stranger's session", async () => {
  await withInstallation(
    () => ["smtpd_relay_restrictions = permit, reject_unauth_destination"],
    async ({ findings }) => {
      assert.match(
        (await findings()).join("\n"),
        /service "10025": a stranger may send mail to anybody: open relay/,
      );
    },
  );
  await withInstallation(
    () => ["smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination"],
    async ({ findings }) => {
      assert.doesNotMatch((await findings()).join("\n"), /open relay/);
    },
  );
});

Deno.test("a port in use is fatal", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  await withInstallation(() => [], async ({ findings, write }) => {
    write("etc/master.cf", `127.0.0.1:${port} inet n - n - - smtpd\n`);
    assert.match(
      (await findings()).join("\n"),
      /^fatal: @\/etc\/master\.cf: line 1: cannot listen on .*: the port is in use by another program/m,
    );
  });
});

Deno.test("a table that is older than its source", async () => {
  await withInstallation(
    (directory) => [`canonical_maps = lmdb:${directory}/canonical`],
    async ({ findings, write, directory }) => {
      write("canonical.lmdb", "");
      Deno.utimeSync(`${directory}/canonical.lmdb`, 1, 1);
      write("canonical", "a b\n");
      assert.match(
        (await findings()).join("\n"),
        /database @\/canonical\.lmdb is older than source file @\/canonical: run "postmap lmdb:@\/canonical"/,
      );
    },
  );
});

Deno.test({
  name: "certificates: expiry, wrong key, missing files",
  ignore: !existsSync("/usr/bin/openssl"),
  async fn() {
    await withInstallation(
      (directory) => [
        `smtpd_tls_cert_file = ${directory}/a.pem`,
        `smtpd_tls_key_file = ${directory}/b.key`,
        `smtp_tls_cert_file = ${directory}/none.pem`,
      ],
      ({ directory }) => {
        for (const name of ["a", "b"]) {
          const { success } = new Deno.Command("openssl", {
            args: [
              "req",
              "-x509",
              "-newkey",
              "ec",
              "-pkeyopt",
              "ec_paramgen_curve:P-256",
              "-nodes",
              "-days",
              "30",
            ]
              .concat([
                "-subj",
                `/CN=${name}`,
                "-keyout",
                `${directory}/${name}.key`,
                "-out",
                `${directory}/${name}.pem`,
              ]),
            stderr: "null",
          }).outputSync();
          assert.ok(success);
        }
        const config = loadConfig({ directory: `${directory}/etc` });
        const day = 86_400_000;
        const at = (days: number) =>
          checkCertificates(config, Date.now() + days * day).map(({ text }) => text).join("\n");
        assert.match(at(1), /the private key in .*b\.key belongs to another certificate/);
        assert.match(at(1), /none\.pem: there is no such file/);
        assert.doesNotMatch(at(1), /expire/);
        assert.match(at(20), /the certificate expires in 9 days/);
        assert.match(at(40), /the certificate expired on/);
        const own = config.with([["smtpd_tls_key_file", `${directory}/a.key`]]);
        assert.doesNotMatch(checkCertificates(own).map(({ text }) => text).join("\n"), /another certificate/);
        return Promise.resolve();
      },
    );
  },
});

/** Ownership as real Postfix's check sees it on the same directory. */
Deno.test({
  name: "owners and modes: the same lines as Postfix's check",
  ignore: process.geteuid?.() !== 0 || !existsSync("/usr/sbin/postfix") || !existsSync("/usr/bin/script"),
  fn() {
    const script = new URL("../../testdata/admin/check.sh", import.meta.url).pathname;
    const directory = Deno.makeTempDirSync({ prefix: "postel-check-" });
    try {
      Deno.chmodSync(directory, 0o755);
      const { stdout } = new Deno.Command(script, { args: [directory] }).outputSync();
      const theirs = new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "").sort();
      assert.ok(theirs.length > 5, theirs.join("\n"));
      const config = loadConfig({ directory: `${directory}/etc` });
      const ours = [...checkOwnership(config), ...checkQueueFiles(config)].map(({ text }) => text);
      assert.deepEqual(ours.sort(), theirs);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  },
});

Deno.test("near names", () => {
  assert.equal(
    nearName("smtpd_relay_restriction", ["smtpd_relay_restrictions", "x"]),
    "smtpd_relay_restrictions",
  );
  assert.equal(nearName("myhostnam", ["myhostname", "mydomain"]), "myhostname");
  // Of a short name one change is allowed; neighbours that changed places are one.
  assert.equal(nearName("hsah", ["btree", "hash", "texthash"]), "hash");
  assert.equal(nearName("sahh", ["btree", "hash"]), undefined);
  assert.equal(nearName("entirely_different", ["myhostname", "mydomain"]), undefined);
});
