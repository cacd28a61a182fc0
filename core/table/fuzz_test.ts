import assert from "node:assert/strict";
import { encodeText } from "../bytes/mod.ts";
import { BadFormat, BlockFile, FileChanged } from "./block_file.ts";
import { cdbHash } from "./cdb_file.ts";
import { EntryStore } from "./entry_store.ts";
import { bdbHash } from "./hash_file.ts";
import { indexFormats } from "./index_formats.ts";
import { bytesAt, findValue, type IndexFormat } from "./index_reader.ts";
import { writeIndexFile } from "./index_writer.ts";
import { readAliasSource } from "./alias_source.ts";
import { readMapSource } from "./map_source.ts";

const ROUNDS = 1500;

function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) % limit);
  };
}

function sample(format: IndexFormat, entries: number): Uint8Array<ArrayBuffer> {
  const store = new EntryStore(new Uint8Array(64), 0, format.type === "cdb" ? cdbHash : bdbHash);
  for (let index = 0; index < entries; index++) {
    const value = index % 40 === 3 ? "x".repeat(6000) : `value${index}`;
    store.addBytes(encodeText(`key${index}\0`), encodeText(`${value}\0`), "keep");
  }
  const path = Deno.makeTempFileSync();
  const fd = Deno.openSync(path, { write: true, create: true, truncate: true });
  writeIndexFile(format, fd, store, 16777216);
  fd.close();
  const bytes = Deno.readFileSync(path);
  Deno.removeSync(path);
  return bytes;
}

/** Flips bits, overwrites numbers, cuts off or swaps pages. */
function damage(
  original: Uint8Array<ArrayBuffer>,
  random: (limit: number) => number,
): Uint8Array<ArrayBuffer> {
  let bytes = original.slice();
  for (let change = 0; change <= random(4); change++) {
    const at = random(bytes.length);
    switch (random(6)) {
      case 0:
        bytes[at]! ^= 1 << random(8);
        break;
      case 1:
        bytes[at] = random(256);
        break;
      case 2: {
        const view = new DataView(bytes.buffer);
        const values = [0, 1, 0xffffffff, 0x7fffffff, random(64), bytes.length];
        if (at + 4 <= bytes.length) view.setUint32(at, values[random(values.length)]!, true);
        break;
      }
      case 3:
        // Damage in the first page is what decides about everything else.
        bytes[random(Math.min(512, bytes.length))] = random(256);
        break;
      case 4:
        if (random(4) === 0) bytes = bytes.slice(0, at + 1);
        break;
      default: {
        const pages = Math.floor(bytes.length / 4096);
        if (pages > 1) {
          bytes.copyWithin(random(pages) * 4096, random(pages) * 4096, random(pages) * 4096 + 4096);
        }
      }
    }
  }
  return bytes;
}

/** Looks up keys and reads everything there is; only the errors that callers expect may come out. */
function readAll(path: string, format: IndexFormat): void {
  findKeys(new BlockFile(path, 1 << 16, false, (name) => Deno.readFileSync(name)), format);
  findKeys(new BlockFile(path, 1 << 16, false), format);
  readEntries(new BlockFile(path, 1 << 16, false), format);
}

function findKeys(file: BlockFile, format: IndexFormat): void {
  try {
    const reader = format.open(file);
    for (let index = 0; index < 30; index++) findValue(reader, encodeText(`key${index}\0`));
  } catch (error) {
    if (!(error instanceof BadFormat || error instanceof FileChanged)) throw error;
  } finally {
    file.close();
  }
}

function readEntries(file: BlockFile, format: IndexFormat): void {
  try {
    const reader = format.open(file);
    let count = 0;
    let bytes = 0;
    for (const entry of reader.entries()) {
      const [key, value] = [bytesAt(entry.key), bytesAt(entry.value)];
      count += 1;
      bytes += key.length + value.length;
      // A damaged file may name one item many times, but an entry takes two bytes of index at least.
      assert.ok(count <= file.size, "endless entries");
      if (bytes > 20 * file.size) break;
    }
  } catch (error) {
    if (!(error instanceof BadFormat || error instanceof FileChanged)) throw error;
  } finally {
    file.close();
  }
}

for (const [type, format] of indexFormats) {
  Deno.test(`${type}: damaged files give a clear error or an answer, never a hang or a crash`, () => {
    const random = randomNumbers(20260101);
    const originals = [sample(format, 0), sample(format, 3), sample(format, 200), sample(format, 1500)];
    const path = Deno.makeTempFileSync();
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = damage(originals[random(originals.length)]!, random);
      const fd = Deno.openSync(path, { write: true, create: true, truncate: true });
      for (let done = 0; done < bytes.length;) done += fd.writeSync(bytes.subarray(done));
      fd.close();
      readAll(path, format);
    }
    // Foreign files.
    for (const [, other] of indexFormats) {
      if (other.type === format.type) continue;
      Deno.writeFileSync(path, sample(other, 50));
      const file = new BlockFile(path, 0, false);
      assert.throws(() => format.open(file), BadFormat, other.type);
      file.close();
    }
    for (let round = 0; round < 200; round++) {
      Deno.writeFileSync(path, Uint8Array.from({ length: random(10000) }, () => random(256)));
      readAll(path, format);
    }
    Deno.removeSync(path);
  });
}

Deno.test("sources of any octets are read without an error", () => {
  const random = randomNumbers(42);
  const pieces = [
    "a",
    "key",
    " ",
    "\t",
    "\n",
    "\n ",
    "\r\n",
    "\0",
    '"',
    "\\",
    "#",
    ":",
    ",",
    "(",
    ")",
    "<",
    "@",
    "[",
    "\xff",
    "\xc3\xa9",
    "v".repeat(50),
  ];
  for (let round = 0; round < 3000; round++) {
    const text = Array.from({ length: random(60) }, () => pieces[random(pieces.length)]!).join("");
    for (const read of [readMapSource, readAliasSource]) {
      const bytes = Uint8Array.from(`${text}\0`, (character) => character.charCodeAt(0));
      let used = bytes.length;
      const target = {
        bytes: bytes,
        append(added: Uint8Array) {
          const grown = new Uint8Array(used + added.length);
          grown.set(this.bytes);
          grown.set(added, used);
          this.bytes = grown;
          used += added.length;
          return used - added.length;
        },
        entry(keyAt: number, keyLength: number, valueAt: number, valueLength: number, line: number) {
          assert.ok(keyAt >= 0 && keyAt + keyLength <= used && valueAt >= 0 && valueAt + valueLength <= used);
          assert.ok(line > 0);
          this.bytes[keyAt + keyLength] = this.bytes[valueAt + valueLength] = 0;
        },
      };
      read(target, text.length, {
        name: "fuzz",
        foldCase: true,
        utf8: round % 2 === 0,
        ignored: "",
        warn: (warning) => assert.match(warning, /^fuzz/),
      });
    }
  }
});
