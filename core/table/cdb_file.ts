import { BadFormat, type BlockFile } from "./block_file.ts";
import { type CdbContents, cdbGroupLookup } from "./cdb_group.ts";
import { compareBeginning } from "./compare.ts";
import { type IndexReader, noPlace, type Place } from "./index_reader.ts";

/** Bytes of the table of contents, with which a file begins. */
export const CDB_HEADER = 2048;

const BLOCK = 4096;

/** The hash function of CDB files. */
export function cdbHash(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let hash = 5381;
  for (let at = start; at < end; at++) hash = Math.imul(hash, 33) ^ bytes[at]!;
  return hash >>> 0;
}

/** Reads the table of contents. Throws `BadFormat` if it points out of the file, whose size is given in bytes. */
function readContents(header: DataView, size: number): CdbContents {
  const firstSlots: number[] = [];
  const slotCounts: number[] = [];
  for (let at = 0; at < CDB_HEADER; at += 8) {
    const first = header.getUint32(at, true);
    const slots = header.getUint32(at + 4, true);
    if (first < CDB_HEADER || first + slots * 8 > size) {
      throw new BadFormat("this is not a CDB file, or it is cut off");
    }
    firstSlots.push(first);
    slotCounts.push(slots);
  }
  return { firstSlots, slotCounts };
}

/** Reads a CDB file. Throws `BadFormat` for anything else. */
export function readCdbFile(file: BlockFile): IndexReader {
  if (file.size < CDB_HEADER) throw new BadFormat("the file is too short to be a CDB file");
  const header = file.header(CDB_HEADER);
  if (header.length < CDB_HEADER) throw new BadFormat("the file is too short to be a CDB file");
  const contents = readContents(new DataView(header.buffer), file.size);
  const { firstSlots, slotCounts } = contents;
  // The first table's slots begin where the records end.
  const recordsEnd = firstSlots[0]!;
  file.useBlocks(BLOCK);

  /** A 32-bit number anywhere in the file; it may lie across two blocks. */
  const number = (position: number): number => {
    if (position + 4 > file.size) throw new BadFormat(`position ${position} is outside the file`);
    const within = position % BLOCK;
    const block = (position - within) / BLOCK;
    if (within <= BLOCK - 4) return file.view.getUint32(file.at(block) + within, true);
    const bytes = copy(position, 4);
    return (bytes[0]! | bytes[1]! << 8 | bytes[2]! << 16 | bytes[3]! << 24) >>> 0;
  };

  const requireInside = (position: number, length: number): void => {
    if (position + length > file.size) throw new BadFormat(`a record at ${position} is longer than the file`);
  };

  const copy = (position: number, length: number): Uint8Array => {
    requireInside(position, length);
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const within = (position + filled) % BLOCK;
      const base = file.at((position + filled - within) / BLOCK);
      const count = Math.min(BLOCK - within, length - filled);
      bytes.set(file.bytes.subarray(base + within, base + within + count), filled);
      filled += count;
    }
    return bytes;
  };

  /** Sets `place` to a range of the file, without copying where it lies in one block. */
  const placeRange = (position: number, length: number, place: Place): void => {
    requireInside(position, length);
    const within = position % BLOCK;
    if (within + length <= BLOCK) {
      place.start = file.at((position - within) / BLOCK) + within;
      place.bytes = file.bytes;
    } else {
      place.bytes = copy(position, length);
      place.start = 0;
    }
    place.end = place.start + length;
  };

  /** The same as `locate` below for a mapped file, all of which is in one array: no block to ask for. */
  const locateInOne = (key: Uint8Array, length: number, place: Place): boolean => {
    const { bytes, view } = file;
    const hash = cdbHash(key, 0, length);
    const first = firstSlots[hash & 255]!;
    const slots = slotCounts[hash & 255]!;
    const last = first + slots * 8;
    let entry = slots === 0 ? first : first + ((hash >>> 8) % slots) * 8;
    for (let probes = 0; probes < slots; probes++) {
      const record = view.getUint32(entry + 4, true);
      if (record === 0) return false;
      if (view.getUint32(entry, true) === hash) {
        const start = record + 8 + length;
        requireInside(record, 8 + length);
        if (
          view.getUint32(record, true) === length &&
          compareBeginning(key, length, bytes, record + 8, length) === 0
        ) {
          const valueLength = view.getUint32(record + 4, true);
          requireInside(start, valueLength);
          place.bytes = bytes;
          place.start = start;
          place.end = start + valueLength;
          return true;
        }
      }
      entry += 8;
      if (entry === last) entry = first;
    }
    return false;
  };

  return {
    ...(file.mapped ? { group: cdbGroupLookup(file, contents, locateInOne) } : {}),
    locate: file.mapped ? locateInOne : (key, length, place) => {
      const hash = cdbHash(key, 0, length);
      const first = firstSlots[hash & 255]!;
      const slots = slotCounts[hash & 255]!;
      let slot = slots === 0 ? 0 : (hash >>> 8) % slots;
      for (let probes = 0; probes < slots; probes++) {
        const entry = first + slot * 8;
        const record = number(entry + 4);
        if (record === 0) return false;
        if (number(entry) === hash && number(record) === length) {
          placeRange(record + 8, length, place);
          if (compareBeginning(key, length, place.bytes, place.start, length) === 0) {
            placeRange(record + 8 + length, number(record + 4), place);
            return true;
          }
        }
        slot = slot + 1 === slots ? 0 : slot + 1;
      }
      return false;
    },
    *entries() {
      const entry = { key: noPlace(), value: noPlace() };
      const end = Math.min(recordsEnd, file.size);
      let position = CDB_HEADER;
      while (position + 8 <= end) {
        const keyLength = number(position);
        const valueLength = number(position + 4);
        if (position + 8 + keyLength + valueLength > end) {
          throw new BadFormat(`the record at ${position} is longer than the file`);
        }
        placeRange(position + 8, keyLength, entry.key);
        placeRange(position + 8 + keyLength, valueLength, entry.value);
        // A value in many blocks may have taken the place of the key's.
        if (entry.value.bytes !== file.bytes) placeRange(position + 8, keyLength, entry.key);
        yield entry;
        position += 8 + keyLength + valueLength;
      }
    },
    describe: () => ({ "record bytes": recordsEnd - CDB_HEADER }),
  };
}
