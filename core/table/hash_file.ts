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
import { compareBeginning, compareParts } from "./compare.ts";
import { bytesAt, type IndexReader, noPlace, type Place } from "./index_reader.ts";

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

  /** Sets `place` to the bytes of an item, valid until another page is asked for. */
  const placeItem = (base: number, index: number, page: number, place: Place): void => {
    const start = base + itemOffset(file, base, index, page);
    const end = base + itemEnd(base, index, page);
    const type = file.bytes[start];
    if (type === ITEM_ON_PAGE) {
      place.bytes = file.bytes;
      place.start = start + 1;
      place.end = end;
      return;
    }
    if (type !== ITEM_OVERFLOW || end - start !== 12) {
      throw new BadFormat(`page ${page} has an item of unknown type ${type}`);
    }
    place.bytes = readOverflow(
      file,
      file.view.getUint32(start + 4, true),
      file.view.getUint32(start + 8, true),
    );
    place.start = 0;
    place.end = place.bytes.length;
  };

  const copied = noPlace();
  const copyItem = (base: number, index: number, page: number): Uint8Array => {
    placeItem(base, index, page, copied);
    return bytesAt(copied);
  };

  /** Negative, zero or positive as the key stands before, at or behind item `index` on a sorted page. */
  const compare = (key: Uint8Array, keyLength: number, base: number, index: number, page: number): number => {
    const start = base + itemOffset(file, base, index, page);
    if (file.bytes[start] === ITEM_ON_PAGE) {
      const length = base + itemEnd(base, index, page) - start - 1;
      // On the page the longer of two keys with the same beginning comes first.
      return compareBeginning(key, keyLength, file.bytes, start + 1, length) || length - keyLength;
    }
    const item = copyItem(base, index, page);
    // Items on overflow pages are compared in the usual order, shorter first.
    return compareParts(key, keyLength, item, 0, item.length);
  };

  const findOnPage = (key: Uint8Array, keyLength: number, base: number, page: number): number => {
    const entries = entryCount(file, base, page);
    if (file.bytes[base + PageField.type] === PageType.hashUnsorted) {
      for (let index = 0; index + 1 < entries; index += 2) {
        if (compare(key, keyLength, base, index, page) === 0) return index;
      }
      return -1;
    }
    let low = 0;
    let high = entries >> 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      const order = compare(key, keyLength, base, middle * 2, page);
      if (order === 0) return middle * 2;
      if (order < 0) high = middle;
      else low = middle + 1;
    }
    return -1;
  };

  /** Offset of a page of a bucket; -1 for a bucket that was never written to, which is a page of zeros. */
  const bucketPage = (bucket: number, page: number, steps: number): number => {
    if (page > lastPage || steps > lastPage) throw new BadFormat(`bucket ${bucket} has a broken chain`);
    const base = file.at(page);
    const type = file.bytes[base + PageField.type];
    if (type === PageType.invalid) return -1;
    if (type !== PageType.hash && type !== PageType.hashUnsorted) {
      throw new BadFormat(`page ${page} should be a hash page, but is of type ${type}`);
    }
    return base;
  };

  const nextPage = (base: number) => file.view.getUint32(base + PageField.next, true);

  return {
    locate(key, length, place) {
      const hash = bdbHash(key, 0, length);
      let bucket = (hash & highMask) >>> 0;
      if (bucket > maxBucket) bucket = (bucket & lowMask) >>> 0;
      if (bucket > maxBucket) throw new BadFormat("the bucket masks make no sense");
      let page = firstPage(bucket);
      for (let steps = 0;; steps++) {
        const base = bucketPage(bucket, page, steps);
        if (base < 0) return false;
        const index = findOnPage(key, length, base, page);
        if (index >= 0) {
          // Comparing with an item on overflow pages moves other pages into memory.
          placeItem(file.at(page), index + 1, page, place);
          return true;
        }
        page = nextPage(file.at(page));
        if (page === 0) return false;
      }
    },
    *entries() {
      const entry = { key: noPlace(), value: noPlace() };
      for (let bucket = 0; bucket <= maxBucket; bucket++) {
        let page = firstPage(bucket);
        for (let steps = 0;; steps++) {
          const base = bucketPage(bucket, page, steps);
          if (base < 0) break;
          const count = entryCount(file, base, page) & ~1;
          for (let index = 0; index < count; index += 2) {
            placeItem(file.at(page), index, page, entry.key);
            placeItem(file.at(page), index + 1, page, entry.value);
            // A value on pages of its own has moved other pages into memory, perhaps to where the key was.
            if (entry.value.bytes !== file.bytes) placeItem(file.at(page), index, page, entry.key);
            yield entry;
          }
          page = nextPage(file.at(page));
          if (page === 0) break;
        }
      }
    },
    describe: () => ({ "page size": file.blockSize, pages: lastPage + 1, buckets: maxBucket + 1 }),
  };
}
