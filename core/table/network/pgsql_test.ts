import assert from "node:assert/strict";
import {
  Bench,
  Comparison,
  freePort,
  installed,
  listening,
  makeCertificate,
  outcome,
  ServerProcess,
} from "./testing.ts";
import { answerSteps, connectionSteps, insertRows, SQL_KEYS, SQL_QUERY } from "./sql_testing.ts";

const version = installedVersion();
if (version === undefined) console.log("pgsql tables are not tested: postgresql is not installed");

/** The directory of the newest server's programs. */
function installedVersion(): string | undefined {
  try {
    const versions = [...Deno.readDirSync("/usr/lib/postgresql")].map((entry) => Number(entry.name));
    const bin = `/usr/lib/postgresql/${Math.max(...versions)}/bin`;
    return installed(`${bin}/initdb`) === undefined ? undefined : bin;
  } catch {
    return undefined;
  }
}

/** The server refuses to run as root; its package made a user for it. */
function unprivileged(): { uid: number; gid: number } | Record<never, never> {
  if (Deno.uid() !== 0) return {};
  const line = Deno.readTextFileSync("/etc/passwd").split("\n").find((text) => text.startsWith("postgres:"));
  const [, , uid, gid] = line!.split(":");
  return { uid: Number(uid), gid: Number(gid) };
}

const SCHEMA = `
CREATE TABLE aliases (address text, goto text, extra text, active int);
${
  insertRows("\\")
}CREATE FUNCTION lookup(key text) RETURNS SETOF text LANGUAGE sql AS 'SELECT goto FROM aliases WHERE address = key';
CREATE ROLE postfix LOGIN PASSWORD 'geheim';
GRANT ALL ON ALL TABLES IN SCHEMA public TO postfix;
`;

Deno.test({
  name: "pgsql: a real server, with the answers of real postmap",
  ignore: version === undefined,
  sanitizeResources: false,
  async fn(t) {
    const bench = new Bench();
    const user = unprivileged();
    Deno.chmodSync(bench.directory, 0o755);
    const home = `${bench.directory}/server`;
    Deno.mkdirSync(home);
    if ("uid" in user) Deno.chownSync(home, user.uid, user.gid);
    const port = freePort();
    const options = { ...user, cwd: home };
    const made = await new Deno.Command(`${version}/initdb`, {
      args: ["-D", `${home}/data`, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C.UTF-8"],
      ...options,
    }).output();
    assert.equal(made.code, 0, new TextDecoder().decode(made.stderr));
    const certified = await makeCertificate(home);
    for (const name of certified ? ["cert.pem", "key.pem"] : []) {
      if ("uid" in user) Deno.chownSync(`${home}/${name}`, user.uid, user.gid);
      Deno.chmodSync(`${home}/${name}`, 0o600);
    }
    Deno.writeTextFileSync(
      `${home}/data/pg_hba.conf`,
      `local all all trust\nhost${
        certified ? "ssl" : ""
      } all postfix 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n`,
    );
    const server = new ServerProcess(`${version}/postgres`, [
      "-D",
      `${home}/data`,
      "-p",
      String(port),
      "-c",
      "listen_addresses=127.0.0.1",
      "-c",
      `unix_socket_directories=${home}`,
      "-c",
      "fsync=off",
      "-c",
      "shared_buffers=2MB",
      ...(certified
        ? ["-c", "ssl=on", "-c", `ssl_cert_file=${home}/cert.pem`, "-c", `ssl_key_file=${home}/key.pem`]
        : []),
    ], options);
    const sql = async (text: string) => {
      const { code, stderr } = await new Deno.Command("/usr/bin/psql", {
        args: ["-q", "-v", "ON_ERROR_STOP=1", "-h", home, "-p", String(port), "-U", "postgres", "-c", text],
      }).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
    };
    const ready = async () => {
      await listening({ hostname: "127.0.0.1", port });
      await sql("SELECT 1");
    };
    const base = { user: "postfix", password: "geheim", dbname: "postgres", hosts: `127.0.0.1:${port}` };
    const query = SQL_QUERY;
    // Real postmap takes a while for each key, so its runs go on while the next step begins.
    const hosts = `postgresql:///postgres?host=${home}&port=${port}&user=postfix`;
    // Before release 3.8 Postfix sent text as LATIN1.
    // deno-lint-ignore no-control-regex
    const isAscii = (key: string) => /^[\x00-\x7f]*$/.test(key);
    const comparison = new Comparison(bench, "pgsql", { ...base, hosts }, SQL_KEYS, isAscii);
    const compared = (values: Record<string, string | number>) => comparison.answers(values);
    try {
      await server.start(ready);
      await sql(SCHEMA);

      await answerSteps(t, compared);
      await t.step("the function of old releases", async () => {
        assert.equal((await compared({ select_function: "lookup" }))["number@example.com"], "42");
      });
      await t.step("backslashes where the server takes them as escapes", async () => {
        await comparison.done();
        await sql("ALTER ROLE postfix SET standard_conforming_strings = off");
        const answers = await compared({ query });
        assert.equal(answers["back\\slash@example.com"], "slash");
        await comparison.done();
        await sql("ALTER ROLE postfix RESET standard_conforming_strings");
      });
      await t.step("of several statements the last one counts", async () => {
        await compared({ query: "SELECT 1; SELECT goto FROM aliases WHERE address = '%s'" });
        await compared({ query: "SELECT goto FROM aliases WHERE address = '%s'; SET DateStyle TO ISO" });
        await comparison.done();
      });
      await t.step("a UNIX socket and a connection URI", async () => {
        for (
          const hosts of [
            `unix:${home}:${port}`,
            `unix:${home}/.s.PGSQL.${port}`,
            `postgresql://postfix:geheim@127.0.0.1:${port}/postgres`,
            ...(certified
              ? [
                `postgresql://postfix:geheim@127.0.0.1:${port}/postgres?sslmode=require`,
                `postgresql://postfix:geheim@127.0.0.1:${port}/postgres?sslmode=verify-full&sslrootcert=${home}/cert.pem`,
              ]
              : []),
          ]
        ) {
          const table = bench.table("pgsql", { ...base, hosts, query });
          assert.equal(await outcome(table, "plain@example.com"), "target@example.net", hosts);
        }
      });
      await t.step(
        "a wrong password and a wrong query are temporary errors without secrets in the log",
        async () => {
          bench.said.length = 0;
          for (
            const values of [
              { ...base, password: "falsch-und-geheim", query },
              // The login is the process's own then.
              { hosts: `postgresql://127.0.0.1:${port}/postgres`, query },
              { hosts: `postgresql://postfix:sehr-geheim@127.0.0.1:${port}/postgres`, query },
              { ...base, query: "SELECT nonsense FROM nowhere" },
            ]
          ) assert.equal(await outcome(bench.table("pgsql", values), "plain@example.com"), "(temporary)");
          assert.equal(bench.said.length, 4);
          assert.ok(
            !bench.said.some((text) => text.includes("no PostgreSQL user name")),
            bench.said.join("\n"),
          );
          assert.ok(!bench.said.some((text) => text.includes("geheim")), bench.said.join("\n"));
        },
      );
      await connectionSteps(t, {
        bench,
        type: "pgsql",
        base,
        port,
        process: server,
        signal: "SIGQUIT",
        ready,
        sql,
        sleeping: (seconds) => `SELECT pg_sleep(${seconds})`,
      });
    } finally {
      await server.stop("SIGQUIT");
      bench.close();
    }
  },
});
