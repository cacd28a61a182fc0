import type { BlockFile } from "./block_file.ts";
import type { GroupLookup, Place } from "./index_reader.ts";
import { KeyGroup, type ViewedBytes } from "./key_group.ts";

const NEWLINE = 0x0a;

/** Where a CDB file's 256 tables of slots are, from the file's beginning. */
export interface CdbContents {
  /** Positions in bytes. */
  readonly firstSlots: readonly number[];
  readonly slotCounts: readonly number[];
}

/** Instead of a record's position, which is never so small. */
const ABSENT = 0;
const LOOK_FURTHER = 1;

const SPECIAL = 1;
const CAPITAL = 2;

/** Bytes that end a plain line or make it one that is not plain: newline, NUL, not ASCII and, where keys are folded, capitals. */
const kinds = new Uint8Array(256).fill(SPECIAL, 0x80).fill(CAPITAL, 0x41, 0x5b);
kinds[0] = kinds[NEWLINE] = SPECIAL;

/**
 * Lookups of a group of keys in a mapped CDB file, in steps in which no key's read waits for another's: the slots of all
 * keys, then the records that these lead to. Whose key is in the record is left to the caller, who reads it anyway.
 *
 * @param contents the table of contents; its positions are known to be inside the file
 * @param locate looks for one key, for those whose place is not plain to see; it also says what is wrong with a damaged file
 */
export function cdbGroupLookup(
  file: BlockFile,
  { firstSlots, slotCounts }: CdbContents,
  locate: (key: Uint8Array, length: number, place: Place) => boolean,
): GroupLookup {
  const { bytes, view, size } = file;
  const place: Place = { bytes, start: 0, end: 0 };

  /** Where the search for a hash begins. */
  const slotOf = (hash: number): number => {
    const slots = slotCounts[hash & 255]!;
    return slots === 0 ? ABSENT : firstSlots[hash & 255]! + ((hash >>> 8) % slots) * 8;
  };

  // Of the views' methods this one becomes a plain load long before the unsigned one.
  const number = (position: number): number => view.getInt32(position, true) >>> 0;

  /** Notes the plain lines from `from` with their hashes and slots. How many they are. */
  const takeLines = (
    group: KeyGroup,
    input: ViewedBytes,
    from: number,
    end: number,
    folded: boolean,
  ): number => {
    const { starts, hashes, slots } = group;
    const { bytes } = input;
    const special = folded ? SPECIAL | CAPITAL : SPECIAL;
    let count = 0;
    let hash = 5381;
    starts[0] = from;
    for (let at = from; at < end; at++) {
      const byte = bytes[at]!;
      if ((kinds[byte]! & special) === 0) {
        hash = ((hash << 5) + hash) ^ byte;
        continue;
      }
      if (byte !== NEWLINE || at === starts[count]) break;
      hashes[count] = hash;
      slots[count] = slotOf(hash);
      count += 1;
      starts[count] = at + 1;
      if (count === KeyGroup.MOST) break;
      hash = 5381;
    }
    group.count = count;
    return count;
  };

  /** The record that the first slot with this hash behind `slot` leads to. */
  const recordFurther = (hash: number, slot: number): number => {
    const table = hash & 255;
    const last = firstSlots[table]! + (slotCounts[table]! - 1) * 8;
    // From the last slot the search goes on at the first, which is rare.
    while (slot < last) {
      slot += 8;
      const record = number(slot + 4);
      if (record === ABSENT || view.getInt32(slot, true) === hash) return record;
    }
    return LOOK_FURTHER;
  };

  const readSlots = ({ hashes, slots, records }: KeyGroup, count: number): void => {
    for (let index = 0; index < count; index++) {
      const hash = hashes[index]!;
      const slot = slots[index]!;
      let record = slot === ABSENT ? ABSENT : number(slot + 4);
      if (record !== ABSENT && view.getInt32(slot, true) !== hash) record = recordFurther(hash, slot);
      records[index] = record + 8 <= size ? record : LOOK_FURTHER;
    }
  };

  /** Notes where the values of the records are. */
  const readRecords = (group: KeyGroup, input: ViewedBytes, count: number): void => {
    const { starts, records, valueAt, valueLength } = group;
    for (let index = 0; index < count; index++) {
      const record = records[index]!;
      valueAt[index] = 0;
      if (record === ABSENT) continue;
      const length = starts[index + 1]! - 1 - starts[index]!;
      const value = record + 8 + length;
      if (record > LOOK_FURTHER && number(record) === length && value + number(record + 4) <= size) {
        valueAt[index] = value;
        valueLength[index] = number(record + 4);
      } else lookAlone(group, input, index);
    }
  };

  /** Looks for one key in the usual way. */
  const lookAlone = ({ starts, valueAt, valueLength }: KeyGroup, input: ViewedBytes, index: number): void => {
    const start = starts[index]!;
    const length = starts[index + 1]! - 1 - start;
    if (!locate(input.bytes.subarray(start, start + length), length, place)) return;
    valueAt[index] = place.start;
    valueLength[index] = place.end - place.start;
  };

  return {
    file: { bytes, view },
    // Steps with loops of their own: those are compiled for speed, and this function, which only calls them, is not.
    locate(group, input, from, end, folded) {
      const count = takeLines(group, input, from, end, folded);
      readSlots(group, count);
      readRecords(group, input, count);
    },
  };
}
