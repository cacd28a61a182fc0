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

const install = installed("/usr/bin/mariadb-install-db");
const daemon = installed("/usr/sbin/mariadbd");
const client = installed("/usr/bin/mariadb");
const missing = install === undefined || daemon === undefined || client === undefined;
if (missing) console.log("mysql tables are not tested: mariadb-server is not installed");

const SCHEMA = `
CREATE DATABASE mail CHARACTER SET utf8mb4;
USE mail;
CREATE TABLE aliases (address VARCHAR(200) COLLATE utf8mb4_bin, goto VARCHAR(200), extra VARCHAR(50), active INT);
${
  insertRows("\\\\")
}CREATE PROCEDURE lookup(IN p VARCHAR(200)) SELECT goto FROM aliases WHERE address = p COLLATE utf8mb4_bin;
CREATE PROCEDURE nothing(IN p VARCHAR(200)) SET @x = p;
CREATE USER 'postfix'@'%' IDENTIFIED BY 'geheim';
CREATE USER 'postfix'@'localhost' IDENTIFIED BY 'geheim';
GRANT ALL ON mail.* TO 'postfix'@'%';
GRANT ALL ON mail.* TO 'postfix'@'localhost';
`;

async function sql(socket: string, text: string): Promise<void> {
  const child = new Deno.Command(client!, {
    args: ["--no-defaults", "-u", "root", "-S", socket],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { code, stderr } = await child.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
}

Deno.test({
  name: "mysql: a real server, with the answers of real postmap",
  ignore: missing,
  sanitizeResources: false,
  async fn(t) {
    const bench = new Bench();
    const data = `${bench.directory}/data`;
    const socket = `${bench.directory}/mysqld.sock`;
    const port = freePort();
    const root = Deno.uid() === 0 ? ["--user=root"] : [];
    const made = await new Deno.Command(install!, {
      args: [
        "--no-defaults",
        `--datadir=${data}`,
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        ...root,
      ],
    }).output();
    assert.equal(made.code, 0, new TextDecoder().decode(made.stderr));
    const certified = await makeCertificate(bench.directory);
    const server = new ServerProcess(daemon!, [
      "--no-defaults",
      `--datadir=${data}`,
      `--socket=${socket}`,
      `--port=${port}`,
      "--bind-address=127.0.0.1",
      "--innodb-buffer-pool-size=8M",
      "--innodb-flush-log-at-trx-commit=0",
      "--character-set-server=utf8mb4",
      ...(certified
        ? [`--ssl-cert=${bench.directory}/cert.pem`, `--ssl-key=${bench.directory}/key.pem`]
        : []),
      ...root,
    ]);
    const ready = () => listening({ hostname: "127.0.0.1", port });
    const base = { user: "postfix", password: "geheim", dbname: "mail", hosts: `127.0.0.1:${port}` };
    const query = SQL_QUERY;
    // Real postmap takes a while for each key, so its runs go on while the next step begins.
    const comparison = new Comparison(bench, "mysql", { ...base, hosts: `unix:${socket}` }, SQL_KEYS);
    const compared = (values: Record<string, string | number>) => comparison.answers(values);
    try {
      await server.start(ready);
      await sql(socket, SCHEMA);

      await answerSteps(t, compared);
      await t.step("stored procedures", async () => {
        assert.equal(
          (await compared({ query: "CALL lookup('%s')" }))["plain@example.com"],
          "target@example.net",
        );
        const quiet = bench.table("mysql", {
          ...base,
          query: "CALL nothing('%s')",
          require_result_set: "no",
        });
        assert.equal(await outcome(quiet, "x@example.com"), "(none)");
        const strict = bench.table("mysql", { ...base, query: "CALL nothing('%s')", retry_interval: 1 });
        assert.equal(await outcome(strict, "x@example.com"), "(temporary)");
        const updating = bench.table("mysql", {
          ...base,
          query: "UPDATE aliases SET active = 2 WHERE address = '%s'",
          require_result_set: "no",
        });
        assert.equal(await outcome(updating, "nobody"), "(none)");
      });
      await t.step("NO_BACKSLASH_ESCAPES changes how keys are quoted", async () => {
        await comparison.done();
        await sql(socket, "SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES'");
        const answers = await compared({ query });
        assert.equal(answers["back\\slash@example.com"], "slash");
        assert.equal(answers["o'brien@example.com"], "quote");
        await comparison.done();
        await sql(socket, "SET GLOBAL sql_mode = ''");
      });
      await t.step("a UNIX socket, and what an option file says", async () => {
        const table = bench.table("mysql", { ...base, hosts: `unix:${socket}`, query });
        assert.equal(await outcome(table, "plain@example.com"), "target@example.net");
        const options = `${bench.directory}/my.cnf`;
        Deno.writeTextFileSync(
          options,
          `[client]\nuser = postfix\n[postfix]\npassword = "geheim"\nsocket=${socket}\n[other]\nuser=nobody\n`,
        );
        const byFile = {
          hosts: "localhost",
          dbname: "mail",
          query,
          option_file: options,
          option_group: "postfix",
        };
        const named = bench.table("mysql", byFile);
        assert.equal(await outcome(named, "plain@example.com"), "target@example.net");
        const ported = bench.table("mysql", { ...byFile, hosts: "inet:localhost:1" });
        assert.equal(await outcome(ported, "plain@example.com"), "target@example.net");
        const without = bench.table("mysql", {
          ...base,
          hosts: `unix:${socket}`,
          query,
          option_file: `${bench.directory}/none.cnf`,
        });
        assert.equal(await outcome(without, "plain@example.com"), "target@example.net");
        assert.match(bench.said.at(-1)!, /open .*none.cnf: No such file or directory/);
      });
      await t.step(
        "a wrong password and a wrong query are temporary errors without secrets in the log",
        async () => {
          bench.said.length = 0;
          const wrong = bench.table("mysql", { ...base, password: "falsch-und-geheim", query });
          assert.equal(await outcome(wrong, "plain@example.com"), "(temporary)");
          const bad = bench.table("mysql", { ...base, query: "SELECT nonsense FROM nowhere" });
          assert.equal(await outcome(bad, "plain@example.com"), "(temporary)");
          assert.ok(bench.said.length >= 2);
          assert.ok(!bench.said.some((text) => text.includes("geheim")), bench.said.join("\n"));
        },
      );
      await t.step({
        name: "TLS, with and without a check of the certificate",
        ignore: !certified,
        async fn() {
          await sql(
            socket,
            "ALTER USER 'postfix'@'localhost' REQUIRE SSL; ALTER USER 'postfix'@'%' REQUIRE SSL;",
          );
          const ca = `${bench.directory}/cert.pem`;
          const asked = (values: Record<string, string>) =>
            outcome(bench.table("mysql", { ...base, query, ...values }), "plain@example.com");
          assert.equal(await asked({}), "(temporary)");
          assert.equal(await asked({ tls_CAfile: ca }), "target@example.net");
          assert.equal(await asked({ tls_ciphers: "HIGH" }), "target@example.net");
          assert.equal(await asked({ tls_CAfile: ca, tls_verify_cert: "yes" }), "(configuration)");
          await sql(
            socket,
            "ALTER USER 'postfix'@'localhost' REQUIRE NONE; ALTER USER 'postfix'@'%' REQUIRE NONE;",
          );
        },
      });
      await connectionSteps(t, {
        bench,
        type: "mysql",
        base,
        port,
        process: server,
        signal: "SIGKILL",
        ready,
        sql: (text) => sql(socket, text),
        sleeping: (seconds) => `SELECT SLEEP(${seconds})`,
      });
    } finally {
      bench.said.length = 0;
      await server.stop("SIGKILL");
      bench.close();
    }
  },
});
