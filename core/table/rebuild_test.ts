import assert from "node:assert/strict";
import { Logger, memorySink } from "../log/mod.ts";
import { makeAsPostmap } from "./make_testing.ts";
import { TableSet } from "./mod.ts";

const ENTRIES = 4000;
const GENERATIONS = 5;

function installed(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function writeSource(path: string, generation: number): void {
  const lines = Array.from(
    { length: ENTRIES },
    (_, index) => `user${index}@example.com generation${generation}\n`,
  );
  Deno.writeTextFileSync(path, lines.join(""));
}

async function makeHere(type: string, path: string): Promise<void> {
  await makeAsPostmap(type, path, new Logger(memorySink(), "test"));
}

async function makeWithPostfix(type: string, path: string): Promise<void> {
  const { code } = await new Deno.Command("/usr/sbin/postmap", {
    args: [`${type}:${path}`],
    env: { MAIL_CONFIG: path.slice(0, path.lastIndexOf("/")) },
    stderr: "inherit",
  }).output();
  assert.equal(code, 0);
}

/** Looks keys up all the time while the table is rebuilt, and once more when all is done. */
async function lookDuringRebuilds(
  type: string,
  make: (type: string, path: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${directory}/main.cf`,
    "compatibility_level = 3.6\nmyhostname = mail.example.com\n",
  );
  const path = `${directory}/map`;
  writeSource(path, 0);
  await make(type, path);
  const sink = memorySink();
  // Little memory, so that lookups meet the file again and again.
  const tables = new TableSet(undefined, { log: new Logger(sink, "test"), cacheBytes: 0 });
  const table = tables.open(`${type}:${path}`);
  let done = false;
  const rebuilding = (async () => {
    try {
      for (let generation = 1; generation <= GENERATIONS; generation++) {
        writeSource(path, generation);
        await make(type, path);
        await new Promise((resume) => setTimeout(resume, 20));
      }
    } finally {
      done = true;
    }
  })();
  let key = 0;
  while (!done) {
    for (let round = 0; round < 100; round++) {
      key = (key + 997) % ENTRIES;
      assert.match(await table.lookup(`user${key}@example.com`) ?? "nothing", /^generation\d$/);
    }
    await new Promise((resume) => setTimeout(resume, 0));
  }
  await rebuilding;
  const original = performance.now;
  try {
    performance.now = () => original.call(performance) + 5000;
    assert.equal(await table.lookup("user1@example.com"), `generation${GENERATIONS}`);
  } finally {
    performance.now = original;
  }
  assert.deepEqual(sink.lines(), []);
  tables.close();
  await Deno.remove(directory, { recursive: true });
}

for (const type of ["hash", "btree", "cdb", "lmdb"]) {
  Deno.test(`${type}: lookups go on while the table is rebuilt`, () => lookDuringRebuilds(type, makeHere));
  Deno.test({
    name: `${type}: lookups go on while real postmap rebuilds the table`,
    ignore: !installed("/usr/sbin/postmap"),
    fn: () => lookDuringRebuilds(type, makeWithPostfix),
  });
}

Deno.test("a table that breaks goes on answering from the old file", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/map`;
  writeSource(path, 1);
  await makeHere("cdb", path);
  const sink = memorySink();
  const table = new TableSet(undefined, { log: new Logger(sink, "test") }).open(`cdb:${path}`);
  assert.equal(table.lookup("user1@example.com"), "generation1");
  const original = performance.now;
  try {
    performance.now = () => original.call(performance) + 5000;
    Deno.removeSync(`${path}.cdb`);
    Deno.writeTextFileSync(`${path}.cdb`, "no table");
    assert.equal(table.lookup("user2@example.com"), "generation1");
  } finally {
    performance.now = original;
  }
  assert.match(sink.lines().join("\n"), /open database .*map\.cdb: .*; the old table stays in use$/);
  table.close();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a table that may not be read says so", { ignore: Deno.uid() === 0 }, async () => {
  const path = await Deno.makeTempFile();
  writeSource(path, 1);
  await makeHere("hash", path);
  await Deno.chmod(`${path}.db`, 0);
  assert.throws(
    () => new TableSet().open(`hash:${path}`).lookup("x"),
    /open database .*: Permission denied/,
  );
});
