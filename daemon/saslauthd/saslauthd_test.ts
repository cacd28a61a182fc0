/** saslauthd's mechanisms against real servers and libraries, and the daemon beside Debian's. */
import assert from "node:assert/strict";
import { askSaslauthd, setSasldbPassword } from "../../core/sasl/mod.ts";
import { Logger, memorySink } from "../../core/log/mod.ts";
import { cryptPassword, selfCommand } from "../../core/system/mod.ts";
import { Bench, freePort, installed, listening, ServerProcess } from "../../core/table/network/testing.ts";
import { shadowMechanism } from "./accounts.ts";
import { AnswerCache, createDecider, type Mechanism, openMechanism, parseRequest } from "./mod.ts";

const octets = (text: string) => new TextEncoder().encode(text);
const ask = (mechanism: Mechanism, login: string, password: string, realm = "", service = "smtp") =>
  mechanism({ login, password: octets(password), service, realm });

const ECHO = `#!/bin/sh\nread -r given\n[ "$given" = "pam secret" ]\n`;

Deno.test("requests: four counted strings, whole or in pieces, and nothing else", () => {
  const parts = ["carol", "p\u00e4ss", "smtp", "example.com"].map(octets);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + 2 + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes[at + 1] = part.length;
    bytes.set(part, at + 2);
    at += 2 + part.length;
  }
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(parseRequest(bytes.subarray(0, length)), "more");
  }
  const request = parseRequest(bytes);
  assert.deepEqual(request, {
    login: "carol",
    password: octets("p\u00e4ss"),
    service: "smtp",
    realm: "example.com",
  });
  assert.equal(parseRequest(Uint8Array.of(1, 1)), "too long");
  let seed = 4711;
  for (let round = 0; round < 500; round++) {
    const junk = Uint8Array.from({ length: round % 60 }, () => (seed = seed * 48271 % 2147483647) & 0xff);
    const outcome = parseRequest(junk);
    assert.ok(typeof outcome === "string" || outcome.login.length <= 256);
  }
});

Deno.test({
  name: "shadow: hashes of crypt(3), expired accounts and passwords, unknown users",
  ignore: installed("/usr/lib/x86_64-linux-gnu/libcrypt.so.1", "/lib/x86_64-linux-gnu/libcrypt.so.1") ===
    undefined,
  async fn() {
    const hash = (await cryptPassword(octets("geheim"), "$6$saltsalt$"))!;
    assert.match(hash, /^\$6\$saltsalt\$.{86}$/);
    assert.equal(await cryptPassword(octets("geheim"), "no setting at all"), undefined);
    const entry = { password: hash, lastChange: 20000, maximum: 99999, expires: -1 };
    const entries: Record<string, typeof entry> = {
      carol: entry,
      gone: { ...entry, expires: 20499 },
      stale: { ...entry, maximum: 499 },
      today: { ...entry, expires: 20500, maximum: 500 },
      locked: { ...entry, password: `!${hash}` },
      empty: { ...entry, password: "" },
    };
    const user = { name: "", password: "x", uid: 1000, gid: 1000, gecos: "", home: "/", shell: "/bin/sh" };
    const mechanism = shadowMechanism({
      user: (name) => name in entries || name === "half" ? user : undefined,
      entry: (name) => entries[name],
      now: () => 20500 * 86_400_000 + 5000,
    });
    const answers: Record<string, string> = {};
    for (const name of [...Object.keys(entries), "half", "nobody-here"]) {
      answers[name] = await ask(mechanism, name, "geheim");
    }
    assert.deepEqual(answers, {
      carol: "OK",
      gone: "NO Account expired",
      stale: "NO Password expired",
      today: "OK",
      locked: "NO Incorrect password",
      empty: "NO Incorrect password",
      half: "NO Invalid shadow username",
      "nobody-here": "NO Invalid username",
    });
    assert.equal(await ask(mechanism, "carol", "falsch"), "NO Incorrect password");
  },
});

Deno.test({
  name: "pam: the conversation gives the password, and a closed account stays out",
  // PAM reads its files from one place only.
  ignore: Deno.uid() !== 0 ||
    installed(
        "/usr/lib/x86_64-linux-gnu/security/pam_exec.so",
        "/lib/x86_64-linux-gnu/security/pam_exec.so",
      ) ===
      undefined,
  async fn() {
    const directory = Deno.makeTempDirSync();
    const script = `${directory}/check`;
    Deno.writeTextFileSync(script, ECHO, { mode: 0o755 });
    const name = `postel-test-${Deno.pid}`;
    const write = (suffix: string, account: string) =>
      Deno.writeTextFileSync(
        `/etc/pam.d/${name}${suffix}`,
        `auth required pam_exec.so quiet expose_authtok ${script}\naccount required ${account}.so\n`,
      );
    try {
      write("", "pam_permit");
      write("-closed", "pam_deny");
      const mechanism = await openMechanism("pam", "", "mx.example.com");
      assert.equal(await ask(mechanism, "root", "pam secret", "", name), "OK");
      assert.match(await ask(mechanism, "root", "wrong", "", name), /^NO PAM auth error: /);
      assert.match(await ask(mechanism, "root", "pam secret", "", `${name}-closed`), /^NO PAM auth error: /);
      assert.match(await ask(mechanism, "root", "pam secret", "", "../../etc/passwd"), /^NO /);
      const many = await Promise.all(
        Array.from({ length: 8 }, (_, i) => ask(mechanism, "root", i % 2 ? "no" : "pam secret", "", name)),
      );
      assert.deepEqual(many.map((answer) => answer.slice(0, 2)), Array(4).fill(["OK", "NO"]).flat());
    } finally {
      for (const suffix of ["", "-closed"]) {
        try {
          Deno.removeSync(`/etc/pam.d/${name}${suffix}`);
        } catch {
          // It was not written.
        }
      }
      Deno.removeSync(directory, { recursive: true });
    }
  },
});

/** Serves connections one after the other until closed; what was received is in `received`. */
function server(talk: (conn: Deno.Conn, received: string[]) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const received: string[] = [];
  const done = (async () => {
    for await (const conn of listener) {
      await talk(conn, received).catch(() => {});
      try {
        conn.close();
      } catch {
        // The client was faster.
      }
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    received,
    async close() {
      listener.close();
      await done;
    },
  };
}

/** Reads until the text matches. */
async function readUntil(conn: Deno.Conn, pattern: RegExp): Promise<string> {
  const room = new Uint8Array(4096);
  let text = "";
  while (!pattern.test(text)) {
    const count = await conn.read(room);
    if (count === null) break;
    text += new TextDecoder().decode(room.subarray(0, count));
  }
  return text;
}

Deno.test("rimap: a login at an IMAP server, with octets of every kind", async () => {
  const imap = server(async (conn, received) => {
    await conn.write(octets("* OK ready\r\n"));
    await readUntil(conn, /\{\d+\}\r\n$/);
    await conn.write(octets("+ go on\r\n"));
    const name = await readUntil(conn, /\{\d+\}\r\n$/);
    await conn.write(octets("+ go on\r\n"));
    const password = await readUntil(conn, /\r\n$/);
    received.push(name, password);
    const good = name.startsWith("carol ") && password === 'p"\u00e4\\ss\r\n';
    await conn.write(octets(good ? "saslauthd OK in\r\n" : "saslauthd NO out\r\n"));
  });
  try {
    const mechanism = await openMechanism("rimap", `127.0.0.1/${imap.port}`, "mx.example.com");
    assert.match(await ask(mechanism, "carol", 'p"\u00e4\\ss'), /^OK /);
    assert.match(await ask(mechanism, "carol", "falsch"), /^NO /);
  } finally {
    await imap.close();
  }
  await assert.rejects(openMechanism("rimap", "", "mx"), /needs -O/);
});

Deno.test("httpform: the form, the answers, the options", async () => {
  const directory = Deno.makeTempDirSync();
  const web = server(async (conn, received) => {
    const text = await readUntil(conn, /\r\n\r\n.+/s);
    received.push(text);
    const status = text.includes("user=carol%40x&")
      ? text.includes("pw=a%26b%3D%25") ? "200 OK" : "403 Bad password"
      : "500 Broken";
    await conn.write(octets(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`));
  });
  const options = (more: string) => {
    Deno.writeTextFileSync(`${directory}/saslauthd.conf`, `httpform_host: 127.0.0.1\n${more}`);
    return openMechanism("httpform", `${directory}/saslauthd.conf`, "mx.example.com");
  };
  try {
    const mechanism = await options(
      `httpform_port: ${web.port}\nhttpform_uri: /login\nhttpform_data: user=%u&pw=%p&realm=%r&x=%%\n`,
    );
    assert.match(await ask(mechanism, "carol@x", "a&b=%", "r s"), /^OK /);
    assert.equal(await ask(mechanism, "carol@x", "falsch"), "NO Bad password");
    assert.equal(
      await ask(mechanism, "dave", "falsch"),
      "NO [ALERT] Unexpected response from remote authentication server",
    );
    assert.match(web.received[0]!, /^POST \/login HTTP\/1\.1\r\n/);
    assert.ok(web.received[0]!.endsWith("\r\n\r\nuser=carol%40x&pw=a%26b%3D%25&realm=r%20s&x=%"));
    await assert.rejects(options("httpform_uri: /\n"), /must be specified/);
    await assert.rejects(options("nonsense\n"), /line 2: expected "name: value"/);
  } finally {
    await web.close();
    Deno.removeSync(directory, { recursive: true });
  }
});

const slapd = installed("/usr/sbin/slapd");
const slapadd = installed("/usr/sbin/slapadd");

const LDIF = `dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=carol,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: carol
cn: Carol
sn: Carol
mail: carol@example.com
userPassword: {SSHA}SSHA_HASH

dn: uid=dave,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: dave
cn: Dave
sn: Dave
userPassword: {MD5}MD5_HASH

dn: cn=mail,dc=example,dc=com
objectClass: groupOfUniqueNames
cn: mail
uniqueMember: uid=carol,ou=people,dc=example,dc=com
`;

async function digest(algorithm: "SHA-1", ...parts: Uint8Array[]): Promise<Uint8Array> {
  const bytes = new Uint8Array(parts.flatMap((part) => [...part]));
  return new Uint8Array(await crypto.subtle.digest(algorithm, bytes));
}

Deno.test({
  name: "ldap: bind, custom and fastbind, groups, tokens, servers that are down",
  ignore: slapd === undefined || slapadd === undefined,
  sanitizeResources: false,
  async fn() {
    const bench = new Bench();
    const { directory } = bench;
    const port = freePort();
    Deno.mkdirSync(`${directory}/db`);
    Deno.writeTextFileSync(
      `${directory}/slapd.conf`,
      `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile ${directory}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=example,dc=com"
rootdn "cn=admin,dc=example,dc=com"
rootpw geheim
directory ${directory}/db
access to attrs=userPassword by anonymous auth by * none
access to * by * read
`,
    );
    const salt = octets("salt");
    const ssha = new Uint8Array([...await digest("SHA-1", octets("carol's"), salt), ...salt]).toBase64();
    // MD5 of "dave's".
    const { createHash } = await import("node:crypto");
    const md5 = createHash("md5").update("dave's").digest("base64");
    Deno.writeTextFileSync(
      `${directory}/data.ldif`,
      LDIF.replace("SSHA_HASH", ssha).replace("MD5_HASH", md5),
    );
    const added = await new Deno.Command(slapadd!, {
      args: ["-f", `${directory}/slapd.conf`, "-l", `${directory}/data.ldif`],
    }).output();
    assert.equal(added.code, 0, new TextDecoder().decode(added.stderr));
    const url = `ldap://127.0.0.1:${port}/`;
    const process = new ServerProcess(slapd!, ["-f", `${directory}/slapd.conf`, "-h", url, "-d", "0"]);
    let count = 0;
    const open = (lines: string) => {
      const path = `${directory}/saslauthd${count++}.conf`;
      Deno.writeTextFileSync(
        path,
        `ldap_servers: ldap://127.0.0.1:1/ ${url}\nldap_search_base: dc=example,dc=com\n${lines}`,
      );
      return openMechanism("ldap", path, "mx.example.com");
    };
    const all = async (mechanism: Mechanism) => ({
      carol: await ask(mechanism, "carol", "carol's"),
      wrong: await ask(mechanism, "carol", "dave's"),
      dave: await ask(mechanism, "dave", "dave's"),
      empty: await ask(mechanism, "carol", ""),
      nobody: await ask(mechanism, "nobody", "carol's"),
      star: await ask(mechanism, "*", "carol's"),
      breakOut: await ask(mechanism, "x)(uid=carol", "carol's"),
    });
    const good = {
      carol: "OK",
      wrong: "NO",
      dave: "OK",
      empty: "NO",
      nobody: "NO",
      star: "NO",
      breakOut: "NO",
    };
    try {
      await process.start(() => listening({ hostname: "127.0.0.1", port }));
      assert.deepEqual(await all(await open("")), good, "bind");
      const admin = "ldap_bind_dn: cn=admin,dc=example,dc=com\nldap_password: geheim\n";
      assert.deepEqual(await all(await open(`${admin}ldap_auth_method: custom\n`)), good, "custom");
      assert.deepEqual(
        await all(
          await open("ldap_auth_method: fastbind\nldap_filter: uid=%u,ou=people,dc=example,dc=com\n"),
        ),
        good,
        "fastbind",
      );
      const member = { ...good, dave: "NO" };
      const group = "ldap_group_dn: cn=mail,dc=example,dc=com\n";
      assert.deepEqual(await all(await open(group)), member, "group by attribute");
      assert.deepEqual(
        await all(
          await open(
            `${group}ldap_group_match_method: filter\nldap_group_filter: (&(cn=mail)(uniqueMember=%D))\n`,
          ),
        ),
        member,
        "group by filter",
      );
      const tokens = await open("ldap_filter: (&(uid=%U)(mail=%U@%2.%1)(!(cn=%s)))\n");
      assert.equal(await ask(tokens, "carol@example.com", "carol's"), "OK");
      assert.equal(await ask(tokens, "carol", "carol's", "example.com"), "OK");
      assert.equal(await ask(tokens, "carol@example.net", "carol's"), "NO");
      const wrongAdmin = await open("ldap_bind_dn: cn=admin,dc=example,dc=com\nldap_password: falsch\n");
      await assert.rejects(ask(wrongAdmin, "carol", "carol's"));
      await assert.rejects(open("ldap_use_sasl: yes\n"), /ldap_use_sasl is not supported/);
      await assert.rejects(open("ldap_scope: everywhere\n"), /ldap_scope: use one of/);
    } finally {
      await process.stop();
    }
    try {
      await assert.rejects(ask(await open("ldap_timeout: 2\n"), "carol", "carol's"));
    } finally {
      bench.close();
    }
  },
});

Deno.test("decisions: cache, realms, workers, log lines without passwords", async () => {
  const sink = memorySink();
  let asked = 0;
  let now = 1000;
  let busy = 0;
  let most = 0;
  const decide = createDecider({
    directory: "/",
    name: "test",
    mechanism: async ({ login, password }) => {
      asked += 1;
      busy += 1;
      most = Math.max(most, busy);
      await new Promise((done) => setTimeout(done, 1));
      busy -= 1;
      if (login === "broken@r") throw new Error("no server");
      return login === "carol@r" && new TextDecoder().decode(password) === "geheim" ? "OK" : "NO because\nso";
    },
    joinRealm: true,
    workers: 2,
    cache: new AnswerCache(10, 1, () => now),
    verbose: true,
    log: new Logger(sink, "saslauthd"),
  });
  const login = (name: string, password: string) =>
    decide({ login: name, password: octets(password), service: "smtp", realm: "r" });
  assert.equal(await login("carol", "geheim"), "OK");
  assert.equal(await login("carol", "geheim"), "OK");
  assert.equal(asked, 1);
  now += 10_000;
  assert.equal(await login("carol", "geheim"), "OK");
  assert.equal(asked, 2);
  assert.equal(await login("carol", "top-secret"), "NO");
  assert.equal(await login("carol", "top-secret"), "NO");
  assert.equal(asked, 4);
  assert.equal(await login("broken", "top-secret"), "NO");
  assert.equal(await login("", "top-secret"), "NO");
  assert.equal(await login("carol", ""), "NO");
  assert.equal(await login("carol", "a\0b"), "NO");
  await Promise.all(Array.from({ length: 9 }, (_, index) => login(`u${index}`, "top-secret")));
  assert.equal(most, 2);
  const lines = sink.lines();
  assert.ok(
    lines.includes(
      "auth failure: [user=carol@r] [service=smtp] [realm=r] [mech=test] [reason=because?so]",
    ),
  );
  assert.ok(lines.includes("auth success (cached): [user=carol@r] [service=smtp] [realm=r] [mech=test]"));
  assert.ok(lines.includes("error: auth_test: no server"));
  assert.doesNotMatch(lines.join("\n"), /geheim|top-secret/);
});

const debianDaemon = installed("/usr/sbin/saslauthd");
const debianTest = installed("/usr/sbin/testsaslauthd");

async function output(program: string, args: readonly string[]): Promise<[number, string]> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null" })
    .output();
  return [code, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr)];
}

const ours = (...args: string[]) => {
  const { program, args: all } = selfCommand(...args);
  return output(program, all);
};

Deno.test("the daemon in the background: pid file, socket, lock; both sides' programs", async (test) => {
  const directory = Deno.makeTempDirSync({ prefix: "sa" });
  const database = `${directory}/db`;
  setSasldbPassword(database, "carol", "example.com", octets("geheim"), 0o077);
  const pid = () => Number(Deno.readTextFileSync(`${directory}/saslauthd.pid`));
  const gone = async () => {
    for (let tries = 0; tries < 400; tries++) {
      try {
        Deno.statSync(`${directory}/saslauthd.pid`);
      } catch {
        return;
      }
      await new Promise((done) => setTimeout(done, 25));
    }
    throw new Error("saslauthd did not end");
  };
  const start = ["-a", "sasldb", "-O", database, "-m", directory, "-c", "-n", "3"];
  try {
    const [code, text] = await ours("saslauthd", ...start);
    assert.deepEqual([code, text], [0, ""]);
    try {
      assert.equal(Deno.statSync(`${directory}/mux`).mode! & 0o777, 0o777);
      assert.equal(Deno.statSync(`${directory}/saslauthd.pid`).mode! & 0o777, 0o600);
      const mux = `${directory}/mux`;
      const login = ["-u", "carol", "-r", "example.com", "-f", mux];
      assert.deepEqual(await ours("testsaslauthd", ...login, "-p", "geheim"), [0, '0: OK "Success."\n']);
      assert.deepEqual(await ours("testsaslauthd", ...login, "-p", "falsch"), [
        255,
        '0: NO "authentication failed"\n',
      ]);
      const [again, why] = await ours("saslauthd", ...start);
      assert.equal(again, 1);
      assert.match(why, /Another instance of saslauthd is currently running/);
      await test.step({
        name: "Debian's programs with our daemon",
        ignore: debianTest === undefined || debianDaemon === undefined,
        fn: async () => {
          assert.deepEqual(await output(debianTest!, [...login, "-p", "geheim"]), [
            0,
            '0: OK "Success."\n',
          ]);
          assert.equal((await output(debianTest!, [...login, "-p", "falsch"]))[0], 255);
          const [, text] = await output(debianDaemon!, ["-a", "sasldb", "-m", directory]);
          assert.match(text, /Another instance of saslauthd is currently running/);
        },
      });
    } finally {
      Deno.kill(pid(), "SIGTERM");
      await gone();
    }
    await test.step({
      name: "our programs with Debian's daemon",
      ignore: debianDaemon === undefined || Deno.uid() !== 0,
      fn: async () => {
        const child = new Deno.Command(debianDaemon!, {
          args: ["-d", "-a", "getpwent", "-m", directory, "-n", "1"],
          stdin: "null",
          stdout: "null",
          stderr: "null",
        }).spawn();
        try {
          const request = { login: "root", password: octets("no"), service: "smtp", realm: "" };
          let answer: string | undefined;
          for (let tries = 0; answer === undefined; tries++) {
            answer = await askSaslauthd(`${directory}/mux`, request).catch((error) => {
              if (tries > 400) throw error;
              return undefined;
            });
            if (answer === undefined) await new Promise((done) => setTimeout(done, 25));
          }
          assert.match(answer, /^NO/);
          assert.equal(
            (await ours("testsaslauthd", "-u", "root", "-p", "no", "-f", `${directory}/mux`))[0],
            255,
          );
        } finally {
          // In debug mode it does not always hear the gentler signal.
          child.kill("SIGKILL");
          await child.status;
        }
      },
    });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("what can't be started says why", async () => {
  for (
    const [args, pattern] of [
      [["-a", "nosuch"], /unknown authentication mechanism: nosuch/],
      [["-a", "kerberos5"], /kerberos5 is not supported/],
      [["-a", "sasldb", "-m", "relative"], /-m requires an absolute pathname/],
      [["-a", "sasldb", "-n", "x"], /-n needs a number/],
      [["-a", "rimap", "-m", "/nonexistent"], /rimap needs -O/],
    ] as const
  ) {
    const [code, text] = await ours("saslauthd", "-d", ...args);
    assert.equal(code, 1, args.join(" "));
    assert.match(text, pattern);
  }
  assert.match((await ours("saslauthd", "-v"))[1], /authentication mechanisms: .*shadow ldap httpform/);
  assert.equal((await ours("saslauthd"))[0], 0);
});
