import { CDB_HEADER } from "./cdb_file.ts";
import type { EntryStore } from "./entry_store.ts";
import { copyBytes } from "./hash_writer.ts";
import { writeAll } from "./page_stream.ts";

/** Bytes collected before they are written. */
const BUFFER = 1 << 20;

/**
 * Writes a CDB file, byte for byte as tinycdb would from the same entries. `store` must hash with `cdbHash`. Throws
 * `RangeError` if the file would be larger than the format can say.
 */
export function writeCdbFile(file: Deno.FsFile, store: EntryStore): void {
  const order = store.order();
  let size = CDB_HEADER + order.length * 24;
  for (const index of order) size += store.keyLength[index]! + store.valueLength[index]!;
  if (size > 0xffffffff) throw new RangeError("A CDB file can't be larger than 4 GB");

  const positions = new Uint32Array(order.length);
  let position = CDB_HEADER;
  let buffer = new Uint8Array(BUFFER);
  let view = new DataView(buffer.buffer);
  let filled = 0;
  const flush = () => {
    writeAll(file, buffer, filled, position - filled);
    filled = 0;
  };
  order.forEach((index, at) => {
    const keyLength = store.keyLength[index]!;
    const valueLength = store.valueLength[index]!;
    const length = 8 + keyLength + valueLength;
    if (filled + length > buffer.length) flush();
    if (length > buffer.length) {
      buffer = new Uint8Array(length);
      view = new DataView(buffer.buffer);
    }
    view.setUint32(filled, keyLength, true);
    view.setUint32(filled + 4, valueLength, true);
    copyBytes(store.arena, store.keyAt[index]!, buffer, filled + 8, keyLength);
    copyBytes(store.arena, store.valueAt[index]!, buffer, filled + 8 + keyLength, valueLength);
    positions[at] = position;
    filled += length;
    position += length;
  });
  flush();
  writeTables(file, store, order, positions, position);
}

/** Writes the 256 hash tables behind the records, and the table of contents at the beginning. */
function writeTables(
  file: Deno.FsFile,
  store: EntryStore,
  order: Uint32Array,
  positions: Uint32Array,
  recordsEnd: number,
): void {
  const starts = new Uint32Array(257);
  for (const index of order) starts[(store.hashes[index]! & 255) + 1]! += 1;
  for (let table = 0; table < 256; table++) starts[table + 1]! += starts[table]!;
  const contents = new DataView(new ArrayBuffer(CDB_HEADER));
  const slots = new Uint32Array(order.length * 4);
  for (let table = 0; table < 256; table++) {
    contents.setUint32(table * 8, recordsEnd + starts[table]! * 16, true);
    contents.setUint32(table * 8 + 4, (starts[table + 1]! - starts[table]!) * 2, true);
  }
  order.forEach((index, at) => {
    const hash = store.hashes[index]!;
    const table = hash & 255;
    const first = starts[table]! * 4;
    const count = (starts[table + 1]! - starts[table]!) * 2;
    let slot = (hash >>> 8) % count;
    while (slots[first + slot * 2 + 1] !== 0) slot = slot + 1 === count ? 0 : slot + 1;
    slots[first + slot * 2] = hash;
    slots[first + slot * 2 + 1] = positions[at]!;
  });
  writeAll(file, littleEndian(slots), slots.length * 4, recordsEnd);
  writeAll(file, new Uint8Array(contents.buffer), CDB_HEADER, 0);
}

/** The numbers as the bytes of little-endian words. */
function littleEndian(words: Uint32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] === 1) return new Uint8Array(words.buffer);
  const view = new DataView(new ArrayBuffer(words.length * 4));
  words.forEach((word, at) => view.setUint32(at * 4, word, true));
  return new Uint8Array(view.buffer);
}
