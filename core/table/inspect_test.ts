import assert from "node:assert/strict";
import { Logger, memorySink } from "../log/mod.ts";
import { aliasDefaults, inspectTable, makeTable } from "./maker.ts";
import { configFromText } from "../config/mod.ts";
import { TableError } from "./types.ts";

const options = aliasDefaults(
  configFromText("myhostname = mail.example.com\n"),
  new Logger(memorySink(), "test"),
);

Deno.test("inspectTable: recognises every index file by its content", () => {
  const directory = Deno.makeTempDirSync();
  const source = `${directory}/aliases`;
  Deno.writeTextFileSync(source, "root: alice\nbob: carol\n");
  for (const [type, file] of [["hash", "db"], ["btree", "db"], ["cdb", "cdb"], ["lmdb", "lmdb"]] as const) {
    makeTable(type, source, options);
    const found = inspectTable(`${source}.${file}`);
    assert.equal(found.type, type);
    assert.equal(found.entries, 5);
    assert.equal(found.aliases, true);
    assert.equal(found.terminated, type !== "cdb");
    assert.equal(found.rebuildDue, false);
    assert.deepEqual(found.problems, []);
    assert.deepEqual(inspectTable(`${type}:${source}`), found);
  }
  Deno.utimeSync(`${source}.cdb`, 1000, 1000);
  assert.equal(inspectTable(`${source}.cdb`).rebuildDue, true);
  const damaged = Deno.readFileSync(`${source}.db`);
  damaged[4096 + 25] = 1;
  Deno.writeFileSync(`${source}.db`, damaged);
  assert.match(inspectTable(`${source}.db`).problems.join(), /page/);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("inspectTable: says what tables are that are in no file, or whose file has only their settings", () => {
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, "hosts = db.example.com\nquery = SELECT a FROM b\n  WHERE c = '%s'\n");
  const found = inspectTable(`mysql:${path}`);
  assert.equal(found.type, "mysql settings");
  assert.deepEqual(found.details, { parameters: 2 });
  Deno.removeSync(path);
  const refused: readonly (readonly [string, RegExp])[] = [
    ["static:x", /static:x is no file: the table answers every key with the value in its name/],
    ["inline:{a=b}", /is no file: the table has its entries in its name/],
    ["tcp:localhost:7", /is no file: the table asks a server/],
    ["mysql:users", /mysql:users is no file: .*main.cf and begin with users_$/],
    ["/dev/null", /open \/dev\/null: not a regular file/],
    ["hsah:x", /unsupported dictionary type: hsah/],
    ["nis:x", /NIS is not supported; copy the map/],
  ];
  for (const [target, said] of refused) assert.throws(() => inspectTable(target), said, target);
});

Deno.test("inspectTable: text files, with the mistakes in them", () => {
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, "10.0.0.0/8 OK\n10.0.0.1/8 bad\n");
  assert.deepEqual(inspectTable(`cidr:${path}`).problems, [
    `cidr map ${path}, line 2: non-null host address bits in "10.0.0.1/8", perhaps you should use "10.0.0.0/8" ` +
    "instead: skipping this rule",
  ]);
  assert.equal(inspectTable(path).type, "text");
  assert.equal(inspectTable(path).entries, 2);
  Deno.writeTextFileSync(path, "");
  assert.deepEqual(inspectTable(path).problems, []);
  Deno.writeTextFileSync(`${path}.db`, "");
  assert.deepEqual(inspectTable(`${path}.db`).problems, ["the file is empty"]);
  Deno.removeSync(`${path}.db`);
  Deno.writeFileSync(path, Uint8Array.of(1, 2, 0, 3));
  assert.equal(inspectTable(path).type, "unknown");
  Deno.removeSync(path);
  assert.throws(() => inspectTable(path), TableError);
});
