import {
  BTREE_MAGIC,
  entryCount,
  itemOffset,
  openBdb,
  PageField,
  PageType,
  readOverflow,
} from "./bdb_pages.ts";
import { BadFormat, type BlockFile } from "./block_file.ts";
import { compareParts } from "./compare.ts";
import { bytesAt, type IndexReader, noPlace, type Place } from "./index_reader.ts";

const ITEM_ON_PAGE = 1;
const ITEM_OVERFLOW = 3;
const DELETED = 0x80;
/** Deeper trees than this do not fit in any file. */
const DEEPEST = 32;

/** Reads a Berkeley DB btree file. Throws `BadFormat` for anything else. */
export function readBtreeFile(file: BlockFile): IndexReader {
  const { meta, lastPage } = openBdb(file, BTREE_MAGIC, [8, 9]);
  const root = meta.getUint32(88, true);

  const page = (number: number): number => {
    if (number === 0 || number > lastPage) throw new BadFormat(`page ${number} is not in the tree`);
    return file.at(number);
  };

  const overflowAt = (item: number) =>
    readOverflow(file, file.view.getUint32(item + 4, true), file.view.getUint32(item + 8, true));

  /** Offset of item `index`, which has at least `least` bytes on the page. */
  const itemAt = (base: number, index: number, number: number, least: number): number => {
    const offset = itemOffset(file, base, index, number);
    if (offset + least > file.blockSize) throw new BadFormat(`item ${index} of page ${number} is cut off`);
    return base + offset;
  };

  const inPage = (start: number, length: number, base: number, number: number): void => {
    if (start + length > base + file.blockSize) throw new BadFormat(`an item of page ${number} is cut off`);
  };

  /** Sets `place` to the bytes of an item, valid until another page is asked for. */
  const placeItem = (base: number, index: number, number: number, place: Place): void => {
    const item = itemAt(base, index, number, 3);
    const type = file.bytes[item + 2]! & ~DELETED;
    if (type === ITEM_ON_PAGE) {
      const length = file.view.getUint16(item, true);
      inPage(item + 3, length, base, number);
      place.bytes = file.bytes;
      place.start = item + 3;
      place.end = item + 3 + length;
      return;
    }
    if (type !== ITEM_OVERFLOW) throw new BadFormat(`page ${number} has an item of unknown type ${type}`);
    inPage(item, 12, base, number);
    place.bytes = overflowAt(item);
    place.start = 0;
    place.end = place.bytes.length;
  };

  const copied = noPlace();
  const copyItem = (base: number, index: number, number: number): Uint8Array => {
    placeItem(base, index, number, copied);
    return bytesAt(copied);
  };

  const compareLeaf = (
    key: Uint8Array,
    size: number,
    base: number,
    index: number,
    number: number,
  ): number => {
    const item = itemAt(base, index, number, 3);
    if ((file.bytes[item + 2]! & ~DELETED) !== ITEM_ON_PAGE) {
      const bytes = copyItem(base, index, number);
      return compareParts(key, size, bytes, 0, bytes.length);
    }
    const length = file.view.getUint16(item, true);
    inPage(item + 3, length, base, number);
    return compareParts(key, size, file.bytes, item + 3, length);
  };

  const compareInternal = (
    key: Uint8Array,
    size: number,
    base: number,
    index: number,
    number: number,
  ): number => {
    const item = itemAt(base, index, number, 12);
    const length = file.view.getUint16(item, true);
    inPage(item + 12, length, base, number);
    if (file.bytes[item + 2] === ITEM_ON_PAGE) return compareParts(key, size, file.bytes, item + 12, length);
    if (file.bytes[item + 2] !== ITEM_OVERFLOW || length < 12) {
      throw new BadFormat(`page ${number} has an entry of unknown type`);
    }
    const bytes = overflowAt(item + 12);
    return compareParts(key, size, bytes, 0, bytes.length);
  };

  const childOf = (base: number, index: number, number: number): number =>
    file.view.getUint32(itemAt(base, index, number, 12) + 4, true);

  /** The leaf that would hold the key, or the leftmost one. */
  const descend = (key: Uint8Array | undefined, size: number): number => {
    let number = root;
    for (let depth = 0; depth < DEEPEST; depth++) {
      const base = page(number);
      const type = file.bytes[base + PageField.type];
      if (type === PageType.btreeLeaf) return number;
      if (type !== PageType.btreeInternal) {
        throw new BadFormat(`page ${number} should be a btree page, but is of type ${type}`);
      }
      const entries = entryCount(file, base, number);
      if (entries === 0) throw new BadFormat(`page ${number} has no entries`);
      let low = 0;
      let high = key === undefined ? 0 : entries - 1;
      // The first entry's key is never looked at: it stands for everything below the second.
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (compareInternal(key!, size, page(number), middle, number) >= 0) low = middle;
        else high = middle - 1;
      }
      number = childOf(page(number), low, number);
    }
    throw new BadFormat("the tree is too deep");
  };

  return {
    locate(key, size, place) {
      const number = descend(key, size);
      let low = 0;
      let high = entryCount(file, page(number), number) >> 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        const order = compareLeaf(key, size, page(number), middle * 2, number);
        if (order === 0) {
          const item = itemAt(page(number), middle * 2, number, 3);
          if ((file.bytes[item + 2]! & DELETED) !== 0) return false;
          placeItem(page(number), middle * 2 + 1, number, place);
          return true;
        }
        if (order < 0) high = middle;
        else low = middle + 1;
      }
      return false;
    },
    *entries() {
      const entry = { key: noPlace(), value: noPlace() };
      let number = descend(undefined, 0);
      for (let steps = 0; number !== 0; steps++) {
        if (steps > lastPage) throw new BadFormat("the chain of leaves has a loop");
        const type = file.bytes[page(number) + PageField.type];
        if (type !== PageType.btreeLeaf) throw new BadFormat(`page ${number} should be a leaf`);
        const entries = entryCount(file, page(number), number) & ~1;
        for (let index = 0; index < entries; index += 2) {
          const item = itemAt(page(number), index, number, 3);
          if ((file.bytes[item + 2]! & DELETED) !== 0) continue;
          placeItem(page(number), index, number, entry.key);
          placeItem(page(number), index + 1, number, entry.value);
          // A value on pages of its own has moved other pages into memory, perhaps to where the key was.
          if (entry.value.bytes !== file.bytes) placeItem(page(number), index, number, entry.key);
          yield entry;
        }
        number = file.view.getUint32(page(number) + PageField.next, true);
      }
    },
    describe: () => ({ "page size": file.blockSize, pages: lastPage + 1 }),
  };
}
