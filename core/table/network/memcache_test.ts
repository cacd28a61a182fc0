import assert from "node:assert/strict";
import { configFromText } from "../../config/mod.ts";
import { aliasDefaults, makeTable, removeKeys } from "../maker.ts";
import { TableSet } from "../mod.ts";
import { Bench, Comparison, freePort, installed, listening, outcome, ServerProcess } from "./testing.ts";

const memcached = installed("/usr/bin/memcached");
if (memcached === undefined) console.log("memcache tables are not tested: memcached is not installed");

const SILENT = { info() {}, warning() {} };
const LONG = "x".repeat(250);

async function store(port: number, entries: Readonly<Record<string, string>>): Promise<void> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(1000);
  for (const [key, value] of Object.entries(entries)) {
    const data = new TextEncoder().encode(value);
    const text = `set ${key} 0 0 ${data.length}\r\n${value}\r\n`;
    await connection.write(new TextEncoder().encode(text));
    const count = await connection.read(buffer);
    assert.equal(new TextDecoder().decode(buffer.subarray(0, count ?? 0)), "STORED\r\n", key);
  }
  connection.close();
}

Deno.test({
  name: "memcache: a real server, with the answers of real postmap",
  ignore: memcached === undefined,
  async fn(t) {
    const bench = new Bench();
    const port = freePort();
    const root = Deno.uid() === 0 ? ["-u", "root"] : [];
    const server = new ServerProcess(memcached!, [
      "-l",
      "127.0.0.1",
      "-p",
      String(port),
      "-U",
      "0",
      "-m",
      "8",
      ...root,
    ]);
    const ready = () => listening({ hostname: "127.0.0.1", port });
    const base = { memcache: `inet:127.0.0.1:${port}`, retry_pause: 1 };
    const comparison = new Comparison(bench, "memcache", base, []);
    const compared = (values: Record<string, string | number>, keys: readonly string[]) =>
      comparison.answers(values, keys);
    try {
      await server.start(ready);
      await store(port, {
        "plain@example.com": "target@example.net",
        "jörg@example.com": "ümlaut",
        "o'brien\"*%s\\@example.com": "special",
        [LONG]: "long",
        "big": "y".repeat(10241),
        "fits": "y".repeat(10240),
        "p:plain:example:com": "by parts",
      });

      await t.step("keys and values of all kinds", async () => {
        const answers = await compared({}, [
          "plain@example.com",
          "PLAIN@example.com",
          "jörg@example.com",
          "o'brien\"*%s\\@example.com",
          LONG,
          "fits",
          "big",
          "none",
          "two words",
          "a\tb",
        ]);
        assert.equal(answers["o'brien\"*%s\\@example.com"], "special");
        assert.equal(answers[LONG], "long");
        assert.equal(answers["big"], "(temporary)");
        assert.equal(answers["two words"], "(none)");
        const table = bench.table("memcache", base);
        assert.equal(await outcome(table, `${LONG}x`), "(temporary)");
        assert.equal(await outcome(table, ""), "(none)");
        assert.equal(await outcome(table, "evil\r\nflush_all\r\n"), "(none)");
        assert.equal(await outcome(table, "plain@example.com"), "target@example.net");
      });
      await t.step("key_format, domain and limits", async () => {
        const keys = ["plain@example.com", "plain", "@example.com"];
        assert.equal((await compared({ key_format: "p:%u:%2:%1" }, keys))["plain@example.com"], "by parts");
        assert.equal((await compared({ domain: "example.org" }, keys))["plain@example.com"], "(none)");
        assert.equal((await compared({ data_size_limit: 3 }, keys))["plain@example.com"], "(temporary)");
      });
      await t.step("what another table has is put into the cache", async () => {
        const path = `${bench.directory}/behind`;
        Deno.writeTextFileSync(path, "behind@example.com value\n");
        const both = bench.table("memcache", {
          ...base,
          key_format: "b:%s",
          backup: `texthash:${path}`,
          ttl: 60,
        });
        assert.equal(await outcome(both, "behind@example.com"), "value");
        const alone = bench.table("memcache", { ...base, key_format: "b:%s" });
        assert.equal(await outcome(alone, "behind@example.com"), "value");
      });
      await t.step("a key is deleted from the cache and from the table behind it", async () => {
        const path = `${bench.directory}/kept`;
        Deno.writeTextFileSync(path, "one 1\ntwo 2\nthree 3\n");
        const options = { ...aliasDefaults(configFromText(""), SILENT), aliases: false };
        makeTable("btree", path, options);
        const settings = { ...base, key_format: "k:%s", backup: `btree:${path}` };
        const alone = bench.table("memcache", { ...base, key_format: "k:%s" });
        assert.equal(await outcome(bench.table("memcache", settings), "one"), "1");
        assert.equal(await outcome(alone, "one"), "1");
        assert.equal(await removeKeys(bench.table("memcache", settings), ["one", "none"], options), 1);
        assert.equal(await outcome(alone, "one"), "(none)");
        assert.equal(await outcome(bench.table("memcache", settings), "one"), "(none)");
        const listed: string[] = [];
        for await (const [key] of bench.table("memcache", settings).entries!()) listed.push(key);
        assert.deepEqual(listed.sort(), ["three", "two"]);
        await store(port, { "k:lone": "x" });
        assert.equal(await removeKeys(alone, ["lone", "lone", "two words"], options), 1);
        await assert.rejects(removeKeys(bench.table("texthash", {}), ["one"], options), /not supported/);
      });
      await t.step("real postmap gives the same answers", async () => {
        await comparison.done();
      });
      await t.step("the server goes away and comes back", async () => {
        const path = `${bench.directory}/behind`;
        const alone = bench.table("memcache", base);
        const both = bench.table("memcache", { ...base, backup: `texthash:${path}` });
        assert.equal(await outcome(alone, "plain@example.com"), "target@example.net");
        await server.stop("SIGKILL");
        assert.equal(await outcome(alone, "plain@example.com"), "(temporary)");
        assert.equal(await outcome(both, "behind@example.com"), "value");
        await server.start(ready);
        assert.equal(await outcome(alone, "plain@example.com"), "(none)");
      });
    } finally {
      await server.stop("SIGKILL");
      bench.close();
    }
  },
});

Deno.test("memcache: what can't be configured is an error that says so", async () => {
  const bench = new Bench();
  for (
    const values of [{ memcache: "host:1" }, { key_format: "%z" }, { key_digest: "sha256" }, { ttl: "soon" }]
  ) {
    const table = bench.table("memcache", values);
    assert.equal(await outcome(table, "x"), "(configuration)", JSON.stringify(values));
  }
  const tables = new TableSet();
  const table = tables.open(`memcache:${bench.settings({})}`, { refuseSubstitution: true });
  await assert.rejects(Promise.resolve(table.lookup("x")), /not allowed for security sensitive data/);
  tables.close();
  bench.close();
});
