import assert from "node:assert/strict";
import { BlockFile, FileChanged } from "./block_file.ts";
import { readLmdbFile } from "./lmdb_file.ts";
import { LmdbWriters } from "./lmdb_writers.ts";
import { makeAsPostmap } from "./make_testing.ts";
import { TableSet } from "./mod.ts";

const POSTMAP = "/usr/sbin/postmap";
const types = ["hash", "btree", "lmdb"];

function installed(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Makes tables from text in a directory of their own, and changes them with real postmap. */
class Bench {
  readonly directory = Deno.makeTempDirSync({ prefix: "table_writers_" });
  readonly path = `${this.directory}/map`;

  constructor() {
    Deno.writeTextFileSync(
      `${this.directory}/main.cf`,
      "compatibility_level = 3.6\nmyhostname = mail.example.com\n",
    );
  }

  async make(type: string, source: string): Promise<void> {
    Deno.writeTextFileSync(this.path, source);
    await makeAsPostmap(type, this.path, { info() {}, warning: (text) => assert.fail(text) });
  }

  postmap(...args: string[]): void {
    const { code, stderr } = new Deno.Command(POSTMAP, {
      args: args.map((arg) => arg.replace(/:$/, `:${this.path}`)),
      env: { MAIL_CONFIG: this.directory },
    }).outputSync();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  }

  entries(type: string): Iterator<readonly [string, string]> {
    const table = new TableSet().open(`${type}:${this.path}`);
    return (table.entries!() as Iterable<readonly [string, string]>)[Symbol.iterator]();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

function manyLines(value: string): string {
  return Array.from({ length: 3000 }, (_, index) => `user${index}@example.com ${value}\n`).join("");
}

function missing(type: string): boolean {
  return !installed(POSTMAP) || (type === "lmdb" && !installed("/usr/lib/postfix/postfix-lmdb.so"));
}

for (const type of types) {
  Deno.test({
    name: `${type}: what is listed is of one state, though somebody writes meanwhile`,
    ignore: missing(type),
    async fn() {
      using bench = new Bench();
      await bench.make(type, manyLines("old"));
      const listed = bench.entries(type);
      assert.equal(listed.next().value![1], "old");
      Deno.writeTextFileSync(bench.path, manyLines("new"));
      bench.postmap(`${type}:`);
      let count = 1;
      for (let entry = listed.next(); entry.done !== true; entry = listed.next()) {
        assert.equal(entry.value[1], "old");
        count += 1;
      }
      assert.equal(count, 3000);
      assert.equal(bench.entries(type).next().value![1], "new");
    },
  });
}

Deno.test({
  name: "lmdb: a writer between the reading and the replacement of a file is noticed",
  ignore: missing("lmdb"),
  async fn() {
    using bench = new Bench();
    const writers = new LmdbWriters(`${bench.path}.lmdb`);
    writers.note();
    assert.equal(writers.unchanged(), true);
    await bench.make("lmdb", "one 1\ntwo 2\n");
    assert.equal(writers.unchanged(), false);
    for (let round = 0; round < 3; round++) {
      writers.note();
      assert.equal(writers.unchanged(), true);
      writers.release();
      bench.postmap(...(round === 0 ? ["-d", "two"] : []), "lmdb:");
      assert.equal(writers.unchanged(), false);
      writers.release();
    }
    writers.note();
    await bench.make("lmdb", "one 1\ntwo 2\n");
    assert.equal(writers.unchanged(), false);
    writers.release();
  },
});

Deno.test({
  name: "lmdb: a file that grew since it was opened is not damaged",
  ignore: missing("lmdb"),
  async fn() {
    using bench = new Bench();
    await bench.make("lmdb", "one 1\n");
    const file = new BlockFile(`${bench.path}.lmdb`, 1 << 20, false);
    Deno.writeTextFileSync(bench.path, manyLines("new"));
    bench.postmap("lmdb:");
    assert.throws(() => readLmdbFile(file), FileChanged);
    file.close();
  },
});

for (const type of [...types, "cdb"]) {
  Deno.test(`${type}: keys that become longer when they are folded`, async () => {
    using bench = new Bench();
    await bench.make(type, "İ1 a\nİ2 b\nplain c\n");
    const table = new TableSet().open(`${type}:${bench.path}`);
    const stored = [...table.entries!() as Iterable<readonly [string, string]>].map(([key]) => key).sort();
    assert.deepEqual(stored, ["i\u03071", "i\u03072", "plain"]);
    assert.equal(await table.lookup("İ1"), "a");
    table.close();
  });
}
