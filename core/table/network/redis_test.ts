import assert from "node:assert/strict";
import {
  Bench,
  freePort,
  installed,
  listening,
  makeCertificate,
  outcome,
  outcomeWithoutRights,
  ServerProcess,
} from "./testing.ts";

const program = installed("/usr/bin/redis-server", "/usr/bin/valkey-server");
const cli = installed("/usr/bin/redis-cli", "/usr/bin/valkey-cli");
const missing = program === undefined || cli === undefined;
if (missing) console.log("redis tables are not tested: redis-server is not installed");

/** Can this server do TLS? Some are built without. */
const withTls = !missing && new TextDecoder().decode(
  new Deno.Command("/bin/sh", { args: ["-c", `ldd ${program}`], stderr: "null" }).outputSync().stdout,
).includes("libssl");

Deno.test({
  name: "redis: TLS, with and without certificates of clients",
  ignore: missing || !withTls,
  async fn() {
    const bench = new Bench();
    const { directory } = bench;
    if (!await makeCertificate(directory)) return bench.close();
    Deno.symlinkSync("/nowhere", `${directory}/dangling.pem`);
    const port = freePort();
    const certificate = `${directory}/cert.pem`;
    const files = ["cert-file", certificate, "key-file", `${directory}/key.pem`, "ca-cert-file", certificate];
    const options = files.map((word, index) => index % 2 === 0 ? `--tls-${word}` : word);
    const server = new ServerProcess(program!, [
      ..."--port 0 --bind 127.0.0.1 --save".split(" "),
      "",
      ...`--dir ${directory} --unixsocket ${directory}/socket --tls-port ${port}`.split(" "),
      ...options,
    ]);
    const own = { tls_cert_file: certificate, tls_key_file: `${directory}/key.pem` };
    const cases: [Record<string, string>, string][] = [
      [{ tls_CAfile: certificate, ...own }, "(none)"],
      [{ tls_CApath: directory, ...own }, "(none)"],
      [{ tls_verify_cert: "no", ...own }, "(none)"],
      [own, "(temporary)"],
      [{ tls_CAfile: `${directory}/missing.pem`, ...own }, "(temporary)"],
    ];
    try {
      await server.start(() => listening({ hostname: "127.0.0.1", port }));
      const base = { hosts: `127.0.0.1:${port}`, tls: "yes" };
      for (const [values, expected] of cases) {
        const table = bench.table("redis", { ...base, ...values });
        assert.equal(await outcome(table, "x"), expected, JSON.stringify(values));
      }
      // The server's refusal can come together with the end of the handshake.
      for (let round = 0; round < 20; round++) {
        const table = bench.table("redis", { ...base, tls_CAfile: certificate });
        assert.equal(await outcome(table, "x"), "(temporary)");
      }
    } finally {
      await server.stop("SIGKILL");
      bench.close();
    }
  },
});

Deno.test({
  name: "redis: a real server",
  ignore: missing,
  async fn(t) {
    const bench = new Bench();
    const port = freePort();
    const socket = `${bench.directory}/redis.sock`;
    const server = new ServerProcess(program!, [
      "--port",
      String(port),
      "--bind",
      "127.0.0.1",
      "--unixsocket",
      socket,
      "--requirepass",
      "geheim",
      "--save",
      "",
      "--dir",
      bench.directory,
    ]);
    const ready = () => listening({ hostname: "127.0.0.1", port });
    const command = async (...args: string[]) => {
      const { code, stdout } = await new Deno.Command(cli!, {
        args: ["-p", String(port), "-a", "geheim", "--no-auth-warning", ...args],
      }).output();
      assert.equal(code, 0, new TextDecoder().decode(stdout));
    };
    const base = { hosts: `127.0.0.1:${port}`, password: "geheim" };
    const fill = async () => {
      await command("SET", "plain@example.com", "target@example.net");
      await command("SET", "o'brien \"*%s\\@example.com", "special");
      await command("SET", "jörg@example.com", "ümlaut");
      await command("SET", "empty", "");
      await command("HSET", "aliases", "two@example.com", "one@example.net");
      await command("RPUSH", "list:two@example.com", "one@example.net", "other@example.net");
      await command("SADD", "domains", "example.com");
    };
    try {
      await server.start(ready);
      await fill();

      await t.step("keys of all kinds, and no way to add an argument", async () => {
        const table = bench.table("redis", base);
        assert.equal(await outcome(table, "plain@example.com"), "target@example.net");
        assert.equal(await outcome(table, "o'brien \"*%s\\@example.com"), "special");
        assert.equal(await outcome(table, "jörg@example.com"), "ümlaut");
        for (const key of ["none", "", "empty", "x\r\nFLUSHALL\r\n", "* 1"]) {
          assert.equal(await outcome(table, key), "(none)", key);
        }
      });
      await t.step("other commands, lists, sets, formats and limits", async () => {
        const cases: [Record<string, string | number>, string, string][] = [
          [{ query: "HGET aliases %s" }, "two@example.com", "one@example.net"],
          [{ query: "LRANGE list:%s 0 -1" }, "two@example.com", "one@example.net,other@example.net"],
          [
            { query: "LRANGE list:%s 0 -1", result_format: "%U+%s" },
            "two@example.com",
            "two+one@example.net,two+other@example.net",
          ],
          [{ query: "LRANGE list:%s 0 -1", expansion_limit: 1 }, "two@example.com", "(temporary)"],
          [{ query: "SISMEMBER domains %d" }, "x@example.com", "1"],
          [{ query: "SISMEMBER domains %d" }, "x@example.org", "(none)"],
          [{ query: "SISMEMBER domains %d" }, "unqualified", "(none)"],
          [{ domain: "example.org" }, "plain@example.com", "(none)"],
          [{ query: "HGET plain@example.com %s" }, "x", "(temporary)"],
          [{ hosts: `unix:${socket}` }, "plain@example.com", "target@example.net"],
          [{ hosts: `127.0.0.1:${freePort()} 127.0.0.1:${port}` }, "plain@example.com", "target@example.net"],
          [{ dbname: 3 }, "plain@example.com", "(none)"],
          [{ query: "GET %z" }, "x", "(configuration)"],
          [{ query: "" }, "x", "(configuration)"],
          [{ query: "%s x" }, "GET", "(configuration)"],
          [{ hosts: "" }, "x", "(configuration)"],
          [{ query: "EVAL return{{err='lower'}} 0" }, "x", "(temporary)"],
        ];
        for (const [values, key, expected] of cases) {
          const label = `${JSON.stringify(values)} ${key}`;
          assert.equal(await outcome(bench.table("redis", { ...base, ...values }), key), expected, label);
        }
      });
      await t.step("a wrong password is a temporary error without secrets in the log", async () => {
        bench.said.length = 0;
        const table = bench.table("redis", { ...base, password: "falsch-und-geheim" });
        assert.equal(await outcome(table, "plain@example.com"), "(temporary)");
        assert.equal(bench.said.length, 1);
        assert.ok(!bench.said[0]!.includes("geheim"));
      });
      await t.step("many lookups at once share connections", async () => {
        const table = bench.table("redis", base);
        const answers = await Promise.all(
          Array.from({ length: 200 }, () => table.lookup("plain@example.com")),
        );
        assert.ok(answers.every((answer) => answer === "target@example.net"));
      });
      await t.step("a process that gave up root can ask", async () => {
        const table = bench.table("redis", base);
        assert.equal(await outcomeWithoutRights(table, "plain@example.com"), "target@example.net");
      });
      await t.step("the server goes away within a command and comes back", async () => {
        const table = bench.table("redis", base);
        assert.equal(await outcome(table, "plain@example.com"), "target@example.net");
        const waiting = outcome(bench.table("redis", { ...base, query: "BLPOP nothing:%s 20" }), "x");
        await command("PING");
        await server.stop("SIGKILL");
        assert.equal(await waiting, "(temporary)");
        assert.equal(await outcome(table, "plain@example.com"), "(temporary)");
        await server.start(ready);
        await fill();
        assert.equal(await outcome(table, "plain@example.com"), "target@example.net");
      });
    } finally {
      await server.stop("SIGKILL");
      bench.close();
    }
  },
});
