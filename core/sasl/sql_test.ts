/** `auxprop_plugin: sql` against real databases. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { runProgram } from "../system/run_testing.ts";
import {
  Bench,
  freePort,
  installed,
  listening,
  makeCertificate,
  ServerProcess,
} from "../table/network/testing.ts";
import { clientMechanisms, createCyrusServer, SaslError, type SaslPeer, type SaslServer } from "./mod.ts";

const peer: SaslPeer = {
  clientAddress: "192.0.2.1",
  clientPort: "4711",
  serverAddress: "192.0.2.2",
  serverPort: "25",
  tls: false,
};

/** Rows of `accounts (name, realm, secret)` that every test makes. */
const ROWS = [
  ["carol", "example.com", "geheim"],
  ["o'brien", "example.com", 'it\'s \\ "quoted"'],
  ["twice", "example.com", "one"],
  ["twice", "example.com", "two"],
] as const;

const SELECT = "SELECT secret FROM accounts WHERE name = '%u' AND realm = '%r' AND '%p' = 'userPassword'";

function serverWith(directory: string, settings: Readonly<Record<string, string>>): SaslServer {
  const lines = Object.entries({ auxprop_plugin: "sql", sql_select: SELECT, ...settings });
  Deno.writeTextFileSync(
    `${directory}/smtpd.conf`,
    lines.map(([name, value]) => `${name}: ${value}\n`).join(""),
  );
  return createCyrusServer({
    application: "smtpd",
    directories: [directory],
    service: "smtp",
    hostname: "mx.example.com",
    realm: "example.com",
  });
}

/** How a login ends: the user, the reason of the refusal, or the error. */
async function login(server: SaslServer, name: string, user: string, password: string): Promise<string> {
  const mechanism = clientMechanisms.find((each) => each.name === name)!;
  const client = mechanism.answer({ user, password, service: "smtp", host: "mx.example.com" });
  let mine = await client.next();
  const dialogue = server.begin(name, mechanism.clientFirst ? mine.value as Uint8Array : undefined, peer);
  try {
    let theirs = await dialogue.next();
    while (theirs.done !== true) {
      mine = await client.next(theirs.value);
      if (mine.done === true) return String(mine.value);
      theirs = await dialogue.next(mine.value);
    }
    return theirs.value.kind === "done" ? theirs.value.user : theirs.value.reason;
  } catch (error) {
    // What the SMTP server makes of it.
    assert.ok(error instanceof SaslError, String(error));
    return "generic failure";
  }
}

/** What has to hold with every engine. */
async function checkLogins(server: SaslServer): Promise<void> {
  for (const name of await server.mechanisms(new Set(), peer)) {
    assert.equal(await login(server, name, "carol", "geheim"), "carol@example.com", name);
    // In DIGEST-MD5 the realm has a place of its own.
    if (name !== "DIGEST-MD5") {
      assert.equal(await login(server, name, "carol@example.com", "geheim"), "carol@example.com", name);
      const elsewhere = await login(server, name, "carol@other.example", "geheim");
      assert.equal(elsewhere, "authentication failure", name);
    }
    assert.equal(await login(server, name, "carol", "falsch"), "authentication failure", name);
    assert.equal(
      await login(server, name, "o'brien", 'it\'s \\ "quoted"'),
      "o'brien@example.com",
      name,
    );
    assert.equal(await login(server, name, "' OR '1'='1", "geheim"), "authentication failure", name);
    assert.equal(await login(server, name, "\\' OR 1=1 -- ", "geheim"), "authentication failure", name);
    assert.equal(await login(server, name, "twice", "one"), "generic failure", name);
  }
}

const quoted = (text: string, backslash: string) =>
  `'${text.replaceAll("\\", backslash).replaceAll("'", "''")}'`;
const inserts = (backslash: string) =>
  `INSERT INTO accounts VALUES ${
    ROWS.map((row) => `(${row.map((text) => quoted(text, backslash)).join(",")})`).join(", ")
  };`;

Deno.test("sql: SQLite, every mechanism; wrong settings", async () => {
  const directory = Deno.makeTempDirSync();
  const database = new DatabaseSync(`${directory}/accounts.sqlite`);
  database.exec(`CREATE TABLE accounts (name, realm, secret); ${inserts("\\")}`);
  database.close();
  const settings = { sql_engine: "sqlite", sql_database: `${directory}/accounts.sqlite` };
  try {
    const server = serverWith(directory, settings);
    await checkLogins(server);
    server.close();

    // The password file comes first, the database second.
    const both = serverWith(directory, {
      ...settings,
      auxprop_plugin: "sasldb sql",
      sasldb_path: `${directory}/none`,
    });
    assert.equal(await login(both, "PLAIN", "carol", "geheim"), "generic failure");
    both.close();

    for (
      const [wrong, pattern] of [
        [{ ...settings, sql_engine: "oracle" }, /sql_engine "oracle" is not supported/],
        [{ ...settings, sql_database: "" }, /needs sql_database/],
        [{ ...settings, sql_select: "" }, /needs sql_select/],
        [{ ...settings, sql_select: "SELECT %x" }, /unknown %x/],
        [{ auxprop_plugin: "ldapdb" }, /"ldapdb" is not supported: use .*saslauthd -a ldap/],
      ] as const
    ) {
      assert.throws(() => serverWith(directory, wrong), pattern);
    }
    const gone = serverWith(directory, { ...settings, sql_database: `${directory}/missing` });
    assert.equal(await login(gone, "PLAIN", "carol", "geheim"), "generic failure");
    gone.close();
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

const install = installed("/usr/bin/mariadb-install-db");
const mariadbd = installed("/usr/sbin/mariadbd");
const mariadb = installed("/usr/bin/mariadb");
const noMariadb = install === undefined || mariadbd === undefined || mariadb === undefined;

async function run(program: string, args: readonly string[], input?: string): Promise<void> {
  const { code, stderr } = await runProgram(program, args, { input });
  assert.equal(code, 0, stderr);
}

Deno.test({
  name: "sql: MariaDB, with and without TLS",
  ignore: noMariadb,
  sanitizeResources: false,
  async fn() {
    const bench = new Bench();
    const { directory } = bench;
    const socket = `${directory}/mysqld.sock`;
    const port = freePort();
    const root = Deno.uid() === 0 ? ["--user=root"] : [];
    await run(install!, [
      ...["--no-defaults", `--datadir=${directory}/data`, "--auth-root-authentication-method=normal"],
      ...["--skip-test-db", ...root],
    ]);
    const certified = await makeCertificate(directory);
    const server = new ServerProcess(mariadbd!, [
      ...["--no-defaults", `--datadir=${directory}/data`, `--socket=${socket}`, `--port=${port}`],
      ...["--bind-address=127.0.0.1", "--innodb-buffer-pool-size=8M", "--character-set-server=utf8mb4"],
      ...(certified ? [`--ssl-cert=${directory}/cert.pem`, `--ssl-key=${directory}/key.pem`] : []),
      ...root,
    ]);
    try {
      await server.start(() => listening({ hostname: "127.0.0.1", port }));
      await run(
        mariadb!,
        ["--no-defaults", "-u", "root", "-S", socket],
        `CREATE DATABASE mail CHARACTER SET utf8mb4; USE mail;
CREATE TABLE accounts (name VARCHAR(99), realm VARCHAR(99), secret VARCHAR(99)); ${inserts("\\\\")}
CREATE USER 'postfix'@'127.0.0.1' IDENTIFIED BY 'g:h/m'; GRANT ALL ON mail.* TO 'postfix'@'127.0.0.1';
CREATE USER 'tls'@'127.0.0.1' IDENTIFIED BY 'g:h/m' REQUIRE SSL; GRANT ALL ON mail.* TO 'tls'@'127.0.0.1';`,
      );
      const settings = {
        sql_engine: "mysql",
        sql_hostnames: `127.0.0.1:${port}`,
        sql_user: "postfix",
        sql_passwd: "g:h/m",
        sql_database: "mail",
      };
      const plain = serverWith(directory, settings);
      await checkLogins(plain);
      plain.close();
      if (certified) {
        const secure = serverWith(directory, { ...settings, sql_user: "tls", sql_usessl: "yes" });
        assert.equal(await login(secure, "PLAIN", "carol", "geheim"), "carol@example.com");
        secure.close();
        const refused = serverWith(directory, { ...settings, sql_user: "tls" });
        assert.equal(await login(refused, "PLAIN", "carol", "geheim"), "generic failure");
        refused.close();
      }
      const stranger = serverWith(directory, { ...settings, sql_passwd: "wrong" });
      assert.equal(await login(stranger, "PLAIN", "carol", "geheim"), "generic failure");
      stranger.close();
    } finally {
      await server.stop();
      bench.close();
    }
  },
});

/** The directory of PostgreSQL's programs. */
function postgresPrograms(): string | undefined {
  try {
    const versions = [...Deno.readDirSync("/usr/lib/postgresql")].map(({ name }) => Number(name));
    const bin = `/usr/lib/postgresql/${Math.max(...versions)}/bin`;
    return installed(`${bin}/initdb`) === undefined ? undefined : bin;
  } catch {
    return undefined;
  }
}

const postgres = postgresPrograms();

Deno.test({
  name: "sql: PostgreSQL",
  ignore: postgres === undefined,
  sanitizeResources: false,
  async fn() {
    const bench = new Bench();
    const directory = Deno.makeTempDirSync({ prefix: "sasl_pgsql_" });
    const port = freePort();
    const [uid, gid] = Deno.uid() === 0 ? postgresIds() : [undefined, undefined];
    const identity = uid === undefined || gid === undefined ? {} : { uid, gid };
    if (uid !== undefined && gid !== undefined) Deno.chownSync(directory, uid, gid);
    const made = await new Deno.Command(`${postgres}/initdb`, {
      args: [
        ...[
          "-D",
          `${directory}/data`,
          "-U",
          "postgres",
          "-A",
          "trust",
          "-N",
          "-E",
          "UTF8",
          "--locale=C.UTF-8",
        ],
      ],
      cwd: directory,
      ...identity,
    }).output();
    assert.equal(made.code, 0, new TextDecoder().decode(made.stderr));
    const server = new ServerProcess(`${postgres}/postgres`, [
      ...["-D", `${directory}/data`, "-k", directory, "-p", String(port), "-h", "127.0.0.1", "-F"],
    ], { cwd: directory, ...identity });
    try {
      await server.start(() =>
        run(`${postgres}/psql`, ["-h", directory, "-p", String(port), "-U", "postgres", "-c", "SELECT 1"])
      );
      await run(
        `${postgres}/psql`,
        ["-q", "-v", "ON_ERROR_STOP=1", "-h", directory, "-p", String(port), "-U", "postgres"],
        `CREATE TABLE accounts (name text, realm text, secret text); ${inserts("\\")}`,
      );
      const settings = {
        sql_engine: "pgsql",
        sql_hostnames: `127.0.0.1:${port}`,
        sql_user: "postgres",
        sql_passwd: "",
        sql_database: "postgres",
      };
      const plain = serverWith(bench.directory, settings);
      await checkLogins(plain);
      plain.close();
      // This server has no TLS: a session without it is not what was asked for.
      const secure = serverWith(bench.directory, { ...settings, sql_usessl: "yes" });
      assert.equal(await login(secure, "PLAIN", "carol", "geheim"), "generic failure");
      secure.close();
    } finally {
      await server.stop("SIGINT");
      Deno.removeSync(directory, { recursive: true });
      bench.close();
    }
  },
});

function postgresIds(): readonly number[] {
  const line = Deno.readTextFileSync("/etc/passwd").split("\n").find((text) => text.startsWith("postgres:"));
  return line!.split(":").slice(2, 4).map(Number);
}
