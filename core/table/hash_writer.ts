import { HASH_MAGIC, PAGE_HEADER, PageType } from "./bdb_pages.ts";
import {
  metadataPage,
  overflowPages,
  PAGE_ROOM,
  PAGE_SIZE,
  writeOverflow,
  writePageHeader,
} from "./bdb_writing.ts";
import type { EntryStore } from "./entry_store.ts";
import { PageStream, writeAll } from "./page_stream.ts";

/** Longer items go to overflow pages. */
const LARGEST_ON_PAGE = PAGE_SIZE / 4;
/** How full the pages of an average bucket are. */
const FILL = 0.75;
const ITEM_ON_PAGE = 1;
const ITEM_OVERFLOW = 3;
const OVERFLOW_ITEM_SIZE = 12;
/** The number of expected entries that Postfix gives the library; it stays in the count. */
const ELEMENT_HINT = 4096;
/** Hash of `%$sniglet^&` and a NUL, by which the library recognises its hash function. */
const CHARACTERISTIC_HASH = 0x5e688dd1;

function itemSize(length: number): number {
  return length > LARGEST_ON_PAGE ? OVERFLOW_ITEM_SIZE : 1 + length;
}

/**
 * Writes a Berkeley DB hash file: buckets first, then the pages of buckets that are too full for one page and the
 * overflow pages. `store` must hash with `bdbHash`.
 * @param uid 20 bytes that tell the file from others
 */
export function writeHashFile(file: Deno.FsFile, store: EntryStore, uid: Uint8Array): void {
  const order = store.order();
  let total = 0;
  for (const index of order) total += pairCost(store, index);
  let buckets = 2;
  while (total > buckets * PAGE_ROOM * FILL) buckets *= 2;
  const byBucket = groupByBucket(store, order, buckets);

  const first = new PageStream(file, PAGE_SIZE, 1);
  const further = new PageStream(file, PAGE_SIZE, 1 + buckets);
  for (let bucket = 0; bucket < buckets; bucket++) {
    const { order: sorted, starts } = byBucket;
    writeBucket(store, sorted.subarray(starts[bucket]!, starts[bucket + 1]!), first, further);
  }
  first.flush();
  further.flush();

  const meta = metadataPage(HASH_MAGIC, PageType.hashMeta, further.next - 1, uid);
  meta.setUint32(72, buckets - 1, true);
  meta.setUint32(76, buckets - 1, true);
  meta.setUint32(80, (buckets >> 1) - 1, true);
  meta.setUint32(88, ELEMENT_HINT + order.length, true);
  meta.setUint32(92, CHARACTERISTIC_HASH, true);
  // All buckets are in one piece, so every group of them begins one page behind its first bucket's number.
  for (let group = 0; group <= Math.log2(buckets); group++) meta.setUint32(96 + group * 4, 1, true);
  writeAll(file, new Uint8Array(meta.buffer), PAGE_SIZE, 0);
}

function pairCost(store: EntryStore, index: number): number {
  return itemSize(store.keyLength[index]!) + itemSize(store.valueLength[index]!) + 4;
}

/** Entries bucket by bucket, each bucket in the library's order; `starts` says where a bucket begins. */
function groupByBucket(
  store: EntryStore,
  order: Uint32Array,
  buckets: number,
): { order: Uint32Array; starts: Uint32Array } {
  const mask = buckets - 1;
  const starts = new Uint32Array(buckets + 1);
  for (const index of order) starts[(store.hashes[index]! & mask) + 1]! += 1;
  for (let bucket = 0; bucket < buckets; bucket++) starts[bucket + 1]! += starts[bucket]!;
  const next = starts.slice(0, buckets);
  const grouped = new Uint32Array(order.length);
  for (const index of order) grouped[next[store.hashes[index]! & mask]!++] = index;
  const compare = comparison(store);
  for (let bucket = 0; bucket < buckets; bucket++) {
    grouped.subarray(starts[bucket]!, starts[bucket + 1]!).sort(compare);
  }
  return { order: grouped, starts };
}

/** The library's order on a page: unsigned bytes, and of two keys with the same beginning the longer first. */
function comparison(store: EntryStore): (one: number, other: number) => number {
  const { arena, keyAt, keyLength } = store;
  return (one, other) => {
    const first = keyAt[one]!;
    const second = keyAt[other]!;
    const common = Math.min(keyLength[one]!, keyLength[other]!);
    for (let offset = 0; offset < common; offset++) {
      const difference = arena[first + offset]! - arena[second + offset]!;
      if (difference !== 0) return difference;
    }
    return keyLength[other]! - keyLength[one]!;
  };
}

function writeBucket(store: EntryStore, entries: Uint32Array, first: PageStream, further: PageStream): void {
  const cuts = [0];
  let room = PAGE_ROOM;
  for (let at = 0; at < entries.length; at++) {
    const cost = pairCost(store, entries[at]!);
    if (cost > room) {
      cuts.push(at);
      room = PAGE_ROOM;
    }
    room -= cost;
  }
  cuts.push(entries.length);
  const pageCount = cuts.length - 1;
  const firstNumber = first.next;
  const chainStart = further.next;
  // Overflow pages follow the bucket's chain, so their numbers are known before the chain is written.
  let overflow = chainStart + pageCount - 1;
  for (let page = 0; page < pageCount; page++) {
    const stream = page === 0 ? first : further;
    const number = page === 0 ? firstNumber : chainStart + page - 1;
    overflow = writeBucketPage(store, entries.subarray(cuts[page]!, cuts[page + 1]!), stream, overflow, {
      number,
      previous: page === 0 ? 0 : page === 1 ? firstNumber : number - 1,
      next: page === pageCount - 1 ? 0 : chainStart + page,
    });
  }
  for (const index of entries) {
    const { arena, keyAt, keyLength, valueAt, valueLength } = store;
    if (keyLength[index]! > LARGEST_ON_PAGE) writeOverflow(further, arena, keyAt[index]!, keyLength[index]!);
    if (valueLength[index]! > LARGEST_ON_PAGE) {
      writeOverflow(further, arena, valueAt[index]!, valueLength[index]!);
    }
  }
}

/** Writes one page and returns the number of the first overflow page that is still free. */
function writeBucketPage(
  store: EntryStore,
  entries: Uint32Array,
  pages: PageStream,
  firstOverflow: number,
  place: { readonly number: number; readonly previous: number; readonly next: number },
): number {
  const base = pages.begin();
  const { bytes, view } = pages;
  let overflow = firstOverflow;
  let lowest = PAGE_SIZE;
  let item = 0;
  const put = (at: number, length: number) => {
    lowest -= itemSize(length);
    const offset = base + lowest;
    if (length > LARGEST_ON_PAGE) {
      bytes[offset] = ITEM_OVERFLOW;
      view.setUint32(offset + 4, overflow, true);
      view.setUint32(offset + 8, length, true);
      overflow += overflowPages(length);
    } else {
      bytes[offset] = ITEM_ON_PAGE;
      copyBytes(store.arena, at, bytes, offset + 1, length);
    }
    view.setUint16(base + PAGE_HEADER + item * 2, lowest, true);
    item += 1;
  };
  for (const index of entries) {
    put(store.keyAt[index]!, store.keyLength[index]!);
    put(store.valueAt[index]!, store.valueLength[index]!);
  }
  writePageHeader(pages, base, place.number, {
    ...place,
    entries: item,
    lowest,
    level: 0,
    type: PageType.hash,
  });
  return overflow;
}

/** Copies a short range; for the lengths of keys and values a loop beats a native call. */
export function copyBytes(
  from: Uint8Array,
  start: number,
  to: Uint8Array,
  offset: number,
  length: number,
): void {
  if (length > 200) to.set(from.subarray(start, start + length), offset);
  else for (let at = 0; at < length; at++) to[offset + at] = from[start + at]!;
}
