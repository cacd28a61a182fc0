import assert from "node:assert/strict";
import { decodeText, encodeText } from "../bytes/mod.ts";
import { BadFormat, BlockFile } from "./block_file.ts";
import { cdbHash, readCdbFile } from "./cdb_file.ts";
import { EntryStore } from "./entry_store.ts";
import { indexFormats } from "./index_formats.ts";
import type { Place } from "./index_reader.ts";
import { writeIndexFile } from "./index_writer.ts";
import { KeyGroup } from "./key_group.ts";

function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** Many short keys, so that slots are taken by others, with values of all lengths. */
function sample(path: string): Uint8Array<ArrayBuffer> {
  const store = new EntryStore(new Uint8Array(64), 0, cdbHash);
  for (let index = 0; index < 700; index += 2) {
    store.addBytes(encodeText(`k${index}`), encodeText("v".repeat(index % 37)), "keep");
  }
  const file = Deno.openSync(path, { write: true, create: true, truncate: true });
  writeIndexFile(indexFormats.get("cdb")!, file, store, 0);
  file.close();
  return Deno.readFileSync(path);
}

function failing<T>(work: () => T): T | "damaged" {
  try {
    return work();
  } catch (error) {
    if (error instanceof BadFormat) return "damaged";
    throw error;
  }
}

Deno.test("cdb: keys looked up in groups have the answers of keys looked up one by one, in damaged files too", () => {
  const random = randomNumbers(20260720);
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/map.cdb`;
  const names = Array.from({ length: 700 }, (_, index) => `k${index}`);
  // The group ends before the capital letter.
  const bytes = encodeText(`${names.join("\n")}\nCapital\nk0\n`);
  const input = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
  const group = new KeyGroup();
  const place: Place = { bytes, start: 0, end: 0 };
  try {
    const original = sample(path);
    for (let round = 0; round < 300; round++) {
      const damaged = original.slice();
      const view = new DataView(damaged.buffer);
      for (let changes = round === 0 ? 0 : 1 + random(40); changes > 0; changes--) {
        const at = random(damaged.length - 4);
        view.setUint32(at, [random(0xffffffff), random(damaged.length), 0, 1][random(4)]!, true);
      }
      Deno.writeFileSync(path, damaged);
      const file = new BlockFile(path, 1 << 16, false, (name) => Deno.readFileSync(name));
      const reader = failing(() => readCdbFile(file));
      if (reader === "damaged") {
        file.close();
        continue;
      }
      let next = 0;
      for (let at = 0, index = 0; index < names.length; at = next) {
        const together = failing(() => reader.group!.locate(group, input, at, bytes.length, true));
        const count = together === "damaged" ? 1 : group.count;
        const alone = failing(() => {
          for (let item = 0; item < count; item++) {
            const name = names[index + item]!;
            const found: boolean = reader.locate(encodeText(name), name.length, place);
            const [value, length] = [group.valueAt[item]!, group.valueLength[item]!];
            if (together === "damaged") continue;
            const stored = reader.group!.file.bytes.subarray(value - name.length, value);
            // Another key's record: the caller sees it and asks alone.
            if (value !== 0 && decodeText(stored) !== name) {
              assert.notEqual(round, 0, name);
              continue;
            }
            assert.deepEqual(
              found ? [place.start, place.end] : [0],
              value === 0 ? [0] : [value, value + length],
              name,
            );
          }
          return undefined;
        });
        if (together === "damaged" || alone === "damaged") break;
        index += count;
        next = group.starts[count]!;
        if (index === names.length) assert.equal(next, bytes.indexOf(0x43));
      }
      file.close();
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
