import {
  entryCount,
  HASH_MAGIC,
  itemOffset,
  openBdb,
  PageField,
  PageType,
  readOverflow,
} from "./bdb_pages.ts";
import { BadFormat, type BlockFile } from "./block_file.ts";
import type { IndexReader } from "./index_reader.ts";

/** Berkeley DB's hash function (FNV-1 with a zero start). */
export function bdbHash(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let hash = 0;
  for (let at = start; at < end; at++) hash = Math.imul(hash, 16777619) ^ bytes[at]!;
  return hash >>> 0;
}

const ITEM_ON_PAGE = 1;
const ITEM_OVERFLOW = 3;
const SPARES = 96;

/** Reads a Berkeley DB hash file. Throws `BadFormat` for anything else. */
export function readHashFile(file: BlockFile): IndexReader {
  const { meta, lastPage } = openBdb(file, HASH_MAGIC, [7, 8, 9]);
  const maxBucket = meta.getUint32(72, true);
  const highMask = meta.getUint32(76, true);
  const lowMask = meta.getUint32(80, true);
  if (maxBucket > lastPage || lowMask > highMask) throw new BadFormat("the bucket numbers make no sense");
  const spares = Array.from({ length: 32 }, (_, index) => meta.getUint32(SPARES + index * 4, true));

  const firstPage = (bucket: number) => (bucket + spares[32 - Math.clz32(bucket)]!) >>> 0;

  /** Length of item `index` without its type byte is the distance to the item before it. */
  const itemEnd = (base: number, index: number, page: number) => {
    const end = index === 0 ? file.blockSize : itemOffset(file, base, index - 1, page);
    if (end <= itemOffset(file, base, index, page)) {
      throw new BadFormat(`page ${page} has items out of order`);
    }
    return end;
  };

  /** The bytes of an item, valid until another page is asked for. */
  const itemBytes = (base: number, index: number, page: number): Uint8Array => {
    const start = base + itemOffset(file, base, index, page);
    const end = base + itemEnd(base, index, page);
    const type = file.bytes[start];
    if (type === ITEM_ON_PAGE) return file.bytes.subarray(start + 1, end);
    if (type === ITEM_OVERFLOW && end - start === 12) {
      return readOverflow(file, file.view.getUint32(start + 4, true), file.view.getUint32(start + 8, true));
    }
    throw new BadFormat(`page ${page} has an item of unknown type ${type}`);
  };

  /** Negative, zero or positive as `key` stands before, at or behind item `index` on a sorted page. */
  const compare = (key: Uint8Array, base: number, index: number, page: number): number => {
    const start = base + itemOffset(file, base, index, page);
    if (file.bytes[start] === ITEM_ON_PAGE) {
      const length = base + itemEnd(base, index, page) - start - 1;
      const common = Math.min(length, key.length);
      for (let at = 0; at < common; at++) {
        const difference = key[at]! - file.bytes[start + 1 + at]!;
        if (difference !== 0) return difference;
      }
      // On the page the longer of two keys with the same beginning comes first.
      return length - key.length;
    }
    const item = itemBytes(base, index, page);
    const common = Math.min(item.length, key.length);
    for (let at = 0; at < common; at++) {
      const difference = key[at]! - item[at]!;
      if (difference !== 0) return difference;
    }
    // Items on overflow pages are compared in the usual order, shorter first.
    return key.length - item.length;
  };

  const findOnPage = (key: Uint8Array, base: number, page: number): number => {
    const entries = entryCount(file, base, page);
    if (file.bytes[base + PageField.type] === PageType.hashUnsorted) {
      for (let index = 0; index + 1 < entries; index += 2) {
        if (compare(key, base, index, page) === 0) return index;
      }
      return -1;
    }
    let low = 0;
    let high = entries >> 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      const order = compare(key, base, middle * 2, page);
      if (order === 0) return middle * 2;
      if (order < 0) high = middle;
      else low = middle + 1;
    }
    return -1;
  };

  /** Calls `visit` for the pages of a bucket until it says `true`. */
  const visitBucket = (bucket: number, visit: (base: number, page: number) => boolean): void => {
    let page = firstPage(bucket);
    for (let steps = 0;; steps++) {
      if (page > lastPage || steps > lastPage) throw new BadFormat(`bucket ${bucket} has a broken chain`);
      const base = file.at(page);
      const type = file.bytes[base + PageField.type];
      // A bucket that was never written to is a page of zeros.
      if (type === PageType.invalid) return;
      if (type !== PageType.hash && type !== PageType.hashUnsorted) {
        throw new BadFormat(`page ${page} should be a hash page, but is of type ${type}`);
      }
      if (visit(base, page)) return;
      page = file.view.getUint32(base + PageField.next, true);
      if (page === 0) return;
    }
  };

  return {
    find(key) {
      const hash = bdbHash(key);
      let bucket = (hash & highMask) >>> 0;
      if (bucket > maxBucket) bucket = (bucket & lowMask) >>> 0;
      if (bucket > maxBucket) throw new BadFormat("the bucket masks make no sense");
      let value: Uint8Array | undefined;
      visitBucket(bucket, (base, page) => {
        const index = findOnPage(key, base, page);
        if (index >= 0) value = itemBytes(base, index + 1, page);
        return index >= 0;
      });
      return value;
    },
    *entries() {
      for (let bucket = 0; bucket <= maxBucket; bucket++) {
        const pages: number[] = [];
        visitBucket(bucket, (_, page) => {
          pages.push(page);
          return false;
        });
        for (const page of pages) {
          const count = entryCount(file, file.at(page), page) & ~1;
          for (let index = 0; index < count; index += 2) {
            // Overflow items move other pages into memory, so the page's place is asked for again each time.
            const key = itemBytes(file.at(page), index, page).slice();
            yield [key, itemBytes(file.at(page), index + 1, page).slice()];
          }
        }
      }
    },
    describe: () => ({ "page size": file.blockSize, pages: lastPage + 1, buckets: maxBucket + 1 }),
  };
}
