import assert from "node:assert/strict";
import { encodeText } from "../bytes/mod.ts";
import { BlockFile } from "./block_file.ts";
import { writeBtreeFile } from "./btree_writer.ts";
import { cdbHash } from "./cdb_file.ts";
import { EntryStore } from "./entry_store.ts";
import { bdbHash } from "./hash_file.ts";
import { writeHashFile } from "./hash_writer.ts";
import { indexFormats } from "./index_formats.ts";
import { bytesAt, findValue, type IndexFormat } from "./index_reader.ts";
import { writeIndexFile } from "./index_writer.ts";

type Pairs = readonly (readonly [string, string])[];

const MAP_SIZE = 16777216;

function storeOf(pairs: Pairs, format: IndexFormat, end: string): EntryStore {
  const store = new EntryStore(new Uint8Array(64), 0, format.type === "cdb" ? cdbHash : bdbHash);
  for (const [key, value] of pairs) store.addBytes(encodeText(key + end), encodeText(value + end), "keep");
  return store;
}

function inTemporaryDirectory(work: (directory: string) => void): void {
  const directory = Deno.makeTempDirSync();
  try {
    work(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

function write(path: string, body: (fd: Deno.FsFile) => void): void {
  const fd = Deno.openSync(path, { write: true, create: true, truncate: true });
  body(fd);
  fd.close();
}

async function digest(body: (fd: Deno.FsFile) => void): Promise<string> {
  const path = Deno.makeTempFileSync();
  write(path, body);
  const hash = await crypto.subtle.digest("SHA-256", Deno.readFileSync(path));
  Deno.removeSync(path);
  return new Uint8Array(hash).toHex();
}

/** A small generator of numbers (mulberry32), so that every run has the same data. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Ordinary entries with long keys, long values and shared beginnings among them. */
function mixedPairs(count: number): [string, string][] {
  const random = randomNumbers(7);
  const pairs: [string, string][] = [];
  for (let index = 0; index < count; index++) {
    const length = random() < 0.02 ? Math.floor(random() * 20000) : Math.floor(random() * 60);
    pairs.push([`user${Math.floor(random() * 1e9)}@dom${index % 97}.example`, "v".repeat(length) + index]);
  }
  for (let index = 1; index < Math.min(count, 60); index++) {
    pairs.push(["k".repeat(index * 8), `long${index}`]);
  }
  return [...new Map(pairs)];
}

const alice: Pairs = [["alice", "bob"]];

Deno.test("index files are byte for byte what the recipes of the formats say", async () => {
  const uid = new Uint8Array(20);
  const three: Pairs = [["alice", "bob"], ["carol", "x".repeat(1500)], ["dave", "1"]];
  const big: Pairs = [["alice", "bob"], ["carol", "x".repeat(3000)], ["dave", "1"]];
  const hash = indexFormats.get("hash")!;
  const cdb = indexFormats.get("cdb")!;
  const lmdb = indexFormats.get("lmdb")!;
  const sum = {
    hash1: await digest((fd) => writeHashFile(fd, storeOf(alice, hash, "\0"), uid)),
    hash3: await digest((fd) => writeHashFile(fd, storeOf(three, hash, "\0"), uid)),
    btree1: await digest((fd) => writeBtreeFile(fd, storeOf(alice, hash, "\0"), uid)),
    btree3: await digest((fd) => writeBtreeFile(fd, storeOf(three, hash, "\0"), uid)),
    cdb1: await digest((fd) => writeIndexFile(cdb, fd, storeOf(alice, cdb, ""), MAP_SIZE)),
    lmdb1: await digest((fd) => writeIndexFile(lmdb, fd, storeOf(alice, lmdb, "\0"), MAP_SIZE)),
    lmdb3: await digest((fd) => writeIndexFile(lmdb, fd, storeOf(big, lmdb, "\0"), MAP_SIZE)),
  };
  assert.deepEqual(sum, {
    hash1: "ca7716902fc598cc8cace5bd8f242f7e27aa63e3a85600020b977bd2a2463fbb",
    hash3: "032de3d725fd1e33412538a3968c6e28309afa65adb6fd35438ef3dc56f0eb66",
    btree1: "ac27e41ca2488a76488b119cb76cdd2ca2d03217bcd0e25d9c7da32919791016",
    btree3: "0ed15baef3deca72220e07b2f6451a1a7eaba69ca3de237de209f7e9086d42f6",
    cdb1: "a584d1cb9692d48ace72b7c642ce91183af8f5692522417bc0377a9f03fc4595",
    lmdb1: "2f61b7fa43bea9ff1f1b7c0920720f54f6706b523d1bcc130e032d56a7515531",
    lmdb3: "0e7d66dc7b3fd980b27b910bc0ce93a594497353f93fb3b7a387e60941c17ab2",
  });
});

for (const [type, format] of indexFormats) {
  Deno.test(`${type}: what was written is read back, with little memory too`, () =>
    inTemporaryDirectory((directory) => {
      for (const count of [0, 1, 2, 20, 3000]) {
        const end = format.terminated ? "\0" : "";
        const pairs = mixedPairs(count);
        const path = `${directory}/map${count}`;
        write(path, (fd) => writeIndexFile(format, fd, storeOf(pairs, format, end), MAP_SIZE));
        for (const cache of [0, 1 << 24]) {
          const file = new BlockFile(path, cache, format.locking);
          const reader = format.open(file);
          const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);
          for (const [key, value] of pairs) {
            assert.equal(text(findValue(reader, encodeText(key + end))), value + end);
          }
          assert.equal(findValue(reader, encodeText(`no such key${end}`)), undefined);
          assert.equal(findValue(reader, new Uint8Array()), undefined);
          const listed = Array.from(
            reader.entries(),
            ({ key, value }) => [text(bytesAt(key))!, text(bytesAt(value))!],
          );
          const expected = pairs.map(([key, value]) => [key + end, value + end]);
          assert.deepEqual(listed.sort(), expected.sort());
          file.close();
        }
      }
    }));
}

function run(program: string, args: string[], cwd: string, input = ""): { code: number; stdout: string } {
  Deno.writeTextFileSync(`${cwd}/main.cf`, "compatibility_level = 3.6\nmyhostname = mail.example.com\n");
  Deno.writeTextFileSync(`${cwd}/stdin`, input);
  const line = `"$0" "$@" < stdin`;
  const { code, stdout } = new Deno.Command("sh", {
    args: ["-c", line, program, ...args],
    cwd,
    env: { MAIL_CONFIG: cwd },
    stderr: "inherit",
  }).outputSync();
  return { code, stdout: new TextDecoder().decode(stdout) };
}

function installed(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const POSTMAP = "/usr/sbin/postmap";
const VERIFY = "/usr/bin/db5.3_verify";

for (const [type, format] of indexFormats) {
  Deno.test({
    name: `${type}: real postmap reads and changes what was written here`,
    ignore: !installed(POSTMAP),
    fn: () =>
      inTemporaryDirectory((directory) => {
        const pairs = mixedPairs(2000).filter(([key]) => key.length < 500);
        const end = format.terminated ? "\0" : "";
        const path = `${directory}/map${format.suffix}`;
        write(path, (fd) => writeIndexFile(format, fd, storeOf(pairs, format, end), MAP_SIZE));
        if (format.locking && installed(VERIFY)) assert.equal(run(VERIFY, [path], directory).code, 0);
        const keys = pairs.map(([key]) => key).join("\n");
        const expected = pairs.map(([key, value]) => `${key}\t${value}\n`).join("");
        assert.equal(run(POSTMAP, ["-q", "-", `${type}:map`], directory, keys).stdout, expected);
        if (type === "cdb") return;
        assert.equal(run(POSTMAP, ["-s", `${type}:map`], directory).stdout.length, expected.length);
        const more = Array.from({ length: 500 }, (_, index) => `more${index} value${index}\n`).join("");
        assert.equal(run(POSTMAP, ["-i", `${type}:map`], directory, more).code, 0);
        assert.equal(run(POSTMAP, ["-d", "-", `${type}:map`], directory, keys).code, 0);
        if (format.locking && installed(VERIFY)) assert.equal(run(VERIFY, [path], directory).code, 0);
        const file = new BlockFile(path, 1 << 20, format.locking);
        assert.equal([...format.open(file).entries()].length, 500);
        file.close();
      }),
  });

  Deno.test({
    name: `${type}: files of real postmap are read here`,
    ignore: !installed(POSTMAP),
    fn: () =>
      inTemporaryDirectory((directory) => {
        for (const count of [0, 1, 3000]) {
          const pairs = mixedPairs(count).filter(([key]) => type !== "lmdb" || key.length < 500);
          Deno.writeTextFileSync(
            `${directory}/map`,
            pairs.map(([key, value]) => `${key} ${value}\n`).join(""),
          );
          assert.equal(run(POSTMAP, [`${type}:map`], directory).code, 0);
          const file = new BlockFile(`${directory}/map${format.suffix}`, 1 << 20, format.locking);
          const reader = format.open(file);
          const end = format.terminated ? "\0" : "";
          for (const [key, value] of pairs) {
            const found = findValue(reader, encodeText(key + end));
            assert.equal(found && new TextDecoder().decode(found), value + end);
          }
          assert.equal([...reader.entries()].length, pairs.length);
          file.close();
        }
      }),
  });
}
