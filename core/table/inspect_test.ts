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
  // The entries that mark a table of aliases must not outweigh those of a small one.
  Deno.writeTextFileSync(source, "root: alice\n");
  for (const [type, file] of [["hash", "db"], ["btree", "db"], ["cdb", "cdb"], ["lmdb", "lmdb"]] as const) {
    makeTable(type, source, options);
    const found = inspectTable(`${source}.${file}`);
    assert.equal(found.type, type);
    assert.equal(found.entries, 4);
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

Deno.test("inspectTable: of a damaged file the suffix says what it should be", () => {
  const directory = Deno.makeTempDirSync();
  const source = `${directory}/transport`;
  Deno.writeTextFileSync(source, "a.example.com local:\nb.example.com smtp:c\n");
  const formats = [["hash", ".db"], ["btree", ".db"], ["cdb", ".cdb"], ["lmdb", ".lmdb"]] as const;
  const good = new Map<string, Uint8Array>();
  for (const [type, suffix] of formats) {
    makeTable(type, source, { ...options, aliases: false });
    good.set(type, Deno.readFileSync(source + suffix));
  }
  for (const [type, suffix] of formats) {
    const path = `${directory}/damaged${suffix}`;
    const whole = good.get(type)!;
    const lengths = [0, 1, 2, 20, 100, 2047, whole.length >> 1, whole.length - 1];
    const contents = lengths.map((length) => whole.subarray(0, length));
    contents.push(good.get(type === "lmdb" ? "hash" : "lmdb")!, Deno.readFileSync(source));
    for (const content of contents) {
      Deno.writeFileSync(path, content);
      const found = inspectTable(path);
      const said = `${type}, ${content.length} octets: ${JSON.stringify(found)}`;
      assert.ok(found.type.includes(type), said);
      assert.equal(found.problems.length, 1, said);
      assert.equal(found.rebuildDue, true, said);
      assert.equal(found.entries, undefined, said);
      assert.deepEqual(inspectTable(`${type}:${directory}/damaged`).problems, found.problems, said);
    }
    assert.deepEqual(inspectTable(path).problems, ["this is a text file"]);
    // A copy under another name is in order, and has no source.
    Deno.writeFileSync(`${directory}/copy.old`, whole);
    const copy = inspectTable(`${directory}/copy.old`);
    assert.deepEqual([copy.type, copy.entries, copy.source, copy.problems], [type, 2, undefined, []]);
  }
  Deno.writeFileSync(`${directory}/other.lmdb`, good.get("hash")!);
  const other = inspectTable(`${directory}/other.lmdb`);
  assert.deepEqual([other.type, other.problems], ["lmdb", ["this is a hash file"]]);
  assert.deepEqual(other.source, { file: `${directory}/other` });
  const fewer = good.get("lmdb")!.slice();
  // The number of entries in the newer of the two metadata pages.
  fewer[4096 + 120] = 7;
  Deno.writeFileSync(`${directory}/fewer.lmdb`, fewer);
  assert.match(inspectTable(`lmdb:${directory}/fewer`).problems.join(), /claims 7 entries and has 2/);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("inspectTable: what can't be read is an error", () => {
  const directory = Deno.makeTempDirSync();
  const refused = [directory, `hash:${directory}/x`, `cidr:${directory}`, `mysql:${directory}`];
  Deno.mkdirSync(`${directory}/x.db`);
  for (const target of refused) {
    const said = (error: unknown) =>
      error instanceof TableError && /^open .*Is a directory/.test(error.message);
    assert.throws(() => inspectTable(target), said, target);
  }
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("inspectTable: the source of a table", () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/aliases`;
  Deno.writeTextFileSync(path, "root: alice\n'odd one': bob\n");
  makeTable("cdb", path, options);
  const found = inspectTable(path);
  assert.deepEqual([found.type, found.entries, found.problems], ["aliases text", 2, []]);
  assert.deepEqual(found.details, { ".cdb table": "not older than this" });
  Deno.utimeSync(`${path}.cdb`, 1000, 1000);
  assert.deepEqual(inspectTable(path).details, { ".cdb table": "older than this: rebuild due" });
  Deno.writeTextFileSync(path, "if /^Subject:/\n/free/ REJECT\nendif\n");
  assert.deepEqual([inspectTable(path).type, inspectTable(path).entries], ["regexp or pcre rules", 3]);
  Deno.writeTextFileSync(path, "10.0.0.0/8 OK\n\0\n");
  assert.deepEqual(inspectTable(`cidr:${path}`).problems, ["line 2 has a NUL: this is no text file"]);
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
