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

const HIGHEST_BITS = 0x80808080;

/**
 * Is one of the four bytes a newline, a NUL, not ASCII or, where keys are to be `folded`, a capital letter? Sometimes true
 * without reason, if one of them is. (Each byte's highest bit tells: a borrow or a carry reaches it.)
 */
function hasSpecial(four: number, folded: boolean): boolean {
  const lines = four ^ 0x0a0a0a0a;
  let special = four | ((four - 0x01010101) & ~four) | ((lines - 0x01010101) & ~lines);
  if (folded) special |= (four + 0x3f3f3f3f) & ~(four + 0x25252525);
  return (special & HIGHEST_BITS) !== 0;
}

/**
 * Lookups of a group of keys in a mapped CDB file, in steps in which no key's read waits for another's: the slots of all
 * keys, the records that these lead to, the comparison.
 *
 * @param contents the table of contents; its positions are known to be inside the file
 * @param locate looks for one key, for those that share their hash with another; it also says what is wrong with a
 * damaged file
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
    const upper = folded ? 0x5a : 0;
    let count = 0;
    let start = from;
    let hash = 5381;
    let at = from;
    while (at < end) {
      // Four bytes at a time, as long as there is nothing special about any of them.
      for (; at + 4 <= end; at += 4) {
        const four = input.view.getInt32(at, true);
        if (hasSpecial(four, folded)) break;
        hash = ((hash << 5) + hash) ^ (four & 0xff);
        hash = ((hash << 5) + hash) ^ (four >>> 8 & 0xff);
        hash = ((hash << 5) + hash) ^ (four >>> 16 & 0xff);
        hash = ((hash << 5) + hash) ^ (four >>> 24);
      }
      const byte = input.bytes[at]!;
      if (byte === NEWLINE) {
        if (at === start) break;
        starts[count] = start;
        hashes[count] = hash;
        slots[count] = slotOf(hash);
        count += 1;
        start = at + 1;
        if (count === KeyGroup.MOST) break;
        hash = 5381;
      } else {
        if (byte > 0x7f || byte === 0 || (byte <= upper && byte >= 0x41)) break;
        hash = ((hash << 5) + hash) ^ byte;
      }
      at += 1;
    }
    starts[count] = start;
    group.count = count;
    return count;
  };

  /** Follows each key's slots to the one with its hash or to an empty one. */
  const readSlots = ({ hashes, slots, records }: KeyGroup, count: number): void => {
    for (let index = 0; index < count; index++) {
      const hash = hashes[index]!;
      const table = hash & 255;
      const last = firstSlots[table]! + (slotCounts[table]! - 1) * 8;
      let slot = slots[index]!;
      let record = slot === ABSENT ? ABSENT : number(slot + 4);
      while (record !== ABSENT && view.getInt32(slot, true) !== hash) {
        // The search goes on at the table's beginning, which is rare.
        record = slot === last ? LOOK_FURTHER : number(slot + 12);
        if (slot === last) break;
        slot += 8;
      }
      records[index] = record + 8 <= size ? record : LOOK_FURTHER;
    }
  };

  const readLengths = ({ records, lengths }: KeyGroup, count: number): void => {
    for (let index = 0; index < count; index++) {
      const record = records[index]!;
      if (record > LOOK_FURTHER) lengths[index] = number(record);
    }
  };

  /** Does the record have this key of `length` bytes, and is it all in the file? */
  const holds = (record: number, input: ViewedBytes, start: number, length: number): boolean => {
    const keyAt = record + 8;
    if (keyAt + length + number(record + 4) > size) return false;
    let at = 0;
    for (; at + 4 <= length; at += 4) {
      if (view.getInt32(keyAt + at, true) !== input.view.getInt32(start + at, true)) return false;
    }
    for (; at < length; at++) if (bytes[keyAt + at] !== input.bytes[start + at]) return false;
    return true;
  };

  return {
    file: { bytes, view },
    locate(group, input, from, end, folded) {
      const count = takeLines(group, input, from, end, folded);
      readSlots(group, count);
      readLengths(group, count);
      const { starts, records, lengths, valueAt, valueLength } = group;
      for (let index = 0; index < count; index++) {
        const record = records[index]!;
        valueAt[index] = 0;
        if (record === ABSENT) continue;
        const start = starts[index]!;
        const length = starts[index + 1]! - 1 - start;
        if (record > LOOK_FURTHER && lengths[index] === length && holds(record, input, start, length)) {
          valueAt[index] = record + 8 + length;
          valueLength[index] = number(record + 4);
        } else if (locate(input.bytes.subarray(start, start + length), length, place)) {
          valueAt[index] = place.start;
          valueLength[index] = place.end - place.start;
        }
      }
    },
  };
}
