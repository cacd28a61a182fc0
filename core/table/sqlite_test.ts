import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { configFromText } from "../config/mod.ts";
import { TableError, TableSet } from "./mod.ts";
import { expandQuery, expandResult } from "./query_template.ts";

function installed(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** A database with addresses, and table files that ask it. */
function prepare(): string {
  const directory = Deno.makeTempDirSync();
  const database = new DatabaseSync(`${directory}/mail.sqlite`);
  database.exec("CREATE TABLE map (k TEXT, v TEXT, w TEXT)");
  const insert = database.prepare("INSERT INTO map VALUES (?, ?, ?)");
  insert.run("a@example.org", "one", "x");
  insert.run("a@example.org", "two@other.example", "x");
  insert.run("o'brien@example.org", "quoted", "x");
  insert.run("empty@example.org", "", "x");
  insert.run("null@example.org", null, "x");
  database.close();
  const files = {
    plain: "query = SELECT v FROM map WHERE k = '%s'",
    parts: "query = SELECT v, w FROM map WHERE k = '%u@%2.%1'\nresult_format = <%s:%U:%D:%d>",
    domain: "query = SELECT v FROM map WHERE k = '%s'\ndomain = example.org",
    limit: "query = SELECT v FROM map WHERE k = '%s'\nexpansion_limit = 1",
    kinds: "query = SELECT 9007199254740993 UNION ALL SELECT x'6162' UNION ALL SELECT 1.0",
    named: "query = SELECT 'a' AS '5', 'b' AS '0'",
    doubled: 'query = SELECT v FROM map WHERE k = "%s"',
    labels: "query = SELECT '%2.%1'",
    legacy: "select_field = v\ntable = map\nwhere_field = k\nadditional_conditions = AND w = 'x'",
  };
  for (const [name, text] of Object.entries(files)) {
    Deno.writeTextFileSync(`${directory}/${name}.cf`, `dbpath = ${directory}/mail.sqlite\n${text}\n`);
  }
  Deno.writeTextFileSync(
    `${directory}/main.cf`,
    "compatibility_level = 3.6\nmyhostname = mail.example.com\n",
  );
  return directory;
}

const TABLES = ["plain", "parts", "domain", "limit", "legacy", "kinds", "named", "labels"];

const KEYS = [
  "a@example.org",
  "a@example.org.",
  "a@..org",
  "a@",
  "o'brien@example.org",
  "empty@example.org",
  "null@example.org",
  "A@EXAMPLE.ORG",
  "a",
  "@example.org",
  "a@other.example",
  "x' OR '1'='1@example.org",
];

Deno.test({
  name: "sqlite: answers are those of real postmap",
  ignore: !installed("/usr/sbin/postmap") || !installed("/usr/lib/postfix/postfix-sqlite.so"),
  async fn() {
    const directory = prepare();
    const tables = new TableSet();
    for (const name of TABLES) {
      for (const key of KEYS) {
        const { code, stdout, stderr } = new Deno.Command("/usr/sbin/postmap", {
          args: ["-q", key, `sqlite:${directory}/${name}.cf`],
          env: { MAIL_CONFIG: directory },
        }).outputSync();
        const real = new TextDecoder().decode(stdout);
        const failed = new TextDecoder().decode(stderr).includes("fatal");
        const ours = (async () => await tables.open(`sqlite:${directory}/${name}.cf`).lookup(key))();
        const label = `${name}: ${key}`;
        if (failed) await assert.rejects(ours, TableError, label);
        else assert.equal(await ours, code === 0 ? real.replace(/\n$/, "") : undefined, label);
      }
    }
    tables.close();
    Deno.removeSync(directory, { recursive: true });
  },
});

Deno.test("sqlite: parameters from main.cf, mistakes, a database that is not there", async () => {
  const directory = prepare();
  const config = configFromText(
    `m_dbpath = ${directory}/mail.sqlite\nm_query = SELECT v FROM map WHERE k = '%s' LIMIT 1\n`,
  );
  assert.equal(await new TableSet(config).open("sqlite:m").lookup("a@example.org"), "one");
  const wrong = async (text: string, pattern: RegExp) => {
    Deno.writeTextFileSync(`${directory}/wrong.cf`, text);
    const table = new TableSet().open(`sqlite:${directory}/wrong.cf`);
    await assert.rejects(async () => await table.lookup("a@b"), pattern);
  };
  await wrong("query = SELECT 1\n", /wrong.cf: bad string length 0 < 1: dbpath = $/);
  await wrong(
    "dbpath = x\nquery = SELECT '%z'\n",
    /db_common_parse: .*wrong.cf: Invalid query template: SELECT '%z'$/,
  );
  await wrong(`dbpath = ${directory}/none\nquery = SELECT 1\n`, /No such file or directory/);
  await wrong(`dbpath = ${directory}/mail.sqlite\nquery = SELEKT 1\n`, /syntax error/);
  await wrong(`dbpath = ${directory}/main.cf\nquery = SELECT 1\n`, /not a database/);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("sqlite: a key can't leave double quotes, and the log says that they are wrong", async () => {
  const directory = prepare();
  const said: string[] = [];
  const log = { info() {}, warning: (text: string) => void said.push(text) };
  const table = new TableSet(undefined, { log }).open(`sqlite:${directory}/doubled.cf`);
  assert.equal(await table.lookup("a@example.org"), "one,two@other.example");
  assert.equal(await table.lookup('x" OR "1"="1'), undefined);
  assert.equal(said.length, 1);
  assert.match(said[0]!, /double quotes/);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("templates: parts of keys and results", () => {
  const quote = (text: string) => text.replaceAll("'", "''");
  assert.equal(
    expandQuery("%s %u %d %1 %2 %%", "o'b@mail.example.com", quote),
    "o''b@mail.example.com o''b mail.example.com com example %",
  );
  assert.equal(expandQuery("%2.%1", "a@.mail..example.com.", quote), "example.com");
  assert.equal(expandQuery("%1", "a@.", quote), undefined);
  assert.equal(expandQuery("%d", "local", quote), undefined);
  assert.equal(expandQuery("%4", "a@mail.example.com", quote), undefined);
  assert.equal(expandQuery("%u", "@x", quote), undefined);
  assert.equal(expandResult("smtp:[%s]", "host", "key"), "smtp:[host]");
  assert.equal(expandResult("%u at %d for %U", "a@b", "k@d"), "a at b for k");
  assert.equal(expandResult("%d", "a", "k@d"), undefined);
  assert.equal(expandResult("%s", "", "k@d"), undefined);
});
