import type { EntryStore } from "./entry_store.ts";
import { copyBytes } from "./hash_writer.ts";
import { sortByKey } from "./key_sort.ts";
import { LMDB_BIG_DATA, LMDB_MAGIC, LMDB_PAGE_HEADER, LmdbPage } from "./lmdb_file.ts";
import { PageStream, writeAll } from "./page_stream.ts";

const PAGE_SIZE = 4096;
const ROOM = PAGE_SIZE - LMDB_PAGE_HEADER;
/** Larger nodes keep their value on overflow pages. */
const LARGEST_NODE = 2038;
const NO_PAGE = 0xffffffffffffffffn;
/** What the free-list record of Postfix's files has in its flags field. */
const FREE_LIST_FLAGS = 0x4008;

interface Child {
  readonly page: number;
  readonly key: Uint8Array;
}

interface TreeNumbers {
  depth: number;
  branchPages: number;
  leafPages: number;
  overflowPages: number;
  root: number | undefined;
}

function even(size: number): number {
  return (size + 1) & ~1;
}

/**
 * Writes an LMDB 0.9 file as one finished transaction. Keys must not be longer than `LMDB_LONGEST_KEY`.
 * @param mapSize the map size to record; it is doubled until the file fits
 */
export function writeLmdbFile(file: Deno.FsFile, store: EntryStore, mapSize: number): void {
  const order = store.order();
  sortByKey(store, order);
  const pages = new PageStream(file, PAGE_SIZE, 2);
  const tree: TreeNumbers = { depth: 0, branchPages: 0, leafPages: 0, overflowPages: 0, root: undefined };
  let children: Child[] = [];
  for (let from = 0; from < order.length;) {
    const to = leafEnd(store, order, from);
    const first = order[from]!;
    const key = store.arena.slice(store.keyAt[first]!, store.keyAt[first]! + store.keyLength[first]!);
    children.push({ page: pages.next, key });
    tree.leafPages += 1;
    tree.overflowPages += writeLeaf(store, order.subarray(from, to), pages);
    from = to;
  }
  if (children.length > 0) tree.depth = 1;
  while (children.length > 1) {
    children = writeLevel(children, pages);
    tree.branchPages += children.length;
    tree.depth += 1;
  }
  tree.root = children[0]?.page;
  pages.flush();
  let map = mapSize;
  while (map < pages.next * PAGE_SIZE) map *= 2;
  const empty: TreeNumbers = { depth: 0, branchPages: 0, leafPages: 0, overflowPages: 0, root: undefined };
  const isEmpty = order.length === 0;
  writeMeta(file, 0, 0, empty, 0, 1, map);
  writeMeta(file, 1, isEmpty ? 0 : 1, tree, order.length, pages.next - 1, map);
}

/** Size of a node, which says whether the value stays with it. */
function isBig(store: EntryStore, index: number): boolean {
  return 8 + store.keyLength[index]! + store.valueLength[index]! > LARGEST_NODE;
}

function nodeSize(store: EntryStore, index: number): number {
  return even(8 + store.keyLength[index]! + (isBig(store, index) ? 8 : store.valueLength[index]!));
}

function leafEnd(store: EntryStore, order: Uint32Array, from: number): number {
  let room = ROOM;
  let at = from;
  while (at < order.length) {
    room -= nodeSize(store, order[at]!) + 2;
    if (room < 0) break;
    at += 1;
  }
  return at;
}

function runPages(length: number): number {
  return Math.floor((LMDB_PAGE_HEADER - 1 + length) / PAGE_SIZE) + 1;
}

/** Writes a leaf and the runs of its long values behind it; returns the number of overflow pages. */
function writeLeaf(store: EntryStore, entries: Uint32Array, pages: PageStream): number {
  const number = pages.next;
  const base = pages.begin();
  const { view, bytes } = pages;
  let upper = PAGE_SIZE;
  let overflow = pages.next;
  const first = overflow;
  entries.forEach((index, at) => {
    const keyLength = store.keyLength[index]!;
    const valueLength = store.valueLength[index]!;
    upper -= nodeSize(store, index);
    const node = base + upper;
    view.setUint32(node, valueLength, true);
    view.setUint16(node + 6, keyLength, true);
    copyBytes(store.arena, store.keyAt[index]!, bytes, node + 8, keyLength);
    if (isBig(store, index)) {
      view.setUint16(node + 4, LMDB_BIG_DATA, true);
      view.setBigUint64(node + 8 + keyLength, BigInt(overflow), true);
      overflow += runPages(valueLength);
    } else copyBytes(store.arena, store.valueAt[index]!, bytes, node + 8 + keyLength, valueLength);
    view.setUint16(base + LMDB_PAGE_HEADER + at * 2, upper, true);
  });
  writePageHeader(pages, base, number, LmdbPage.leaf, entries.length, upper);
  for (const index of entries) if (isBig(store, index)) writeRun(store, index, pages);
  return overflow - first;
}

function writeRun(store: EntryStore, index: number, pages: PageStream): void {
  const length = store.valueLength[index]!;
  const at = store.valueAt[index]!;
  const count = runPages(length);
  let written = 0;
  for (let page = 0; page < count; page++) {
    const number = pages.next;
    const base = pages.begin();
    const skip = page === 0 ? LMDB_PAGE_HEADER : 0;
    if (page === 0) {
      pages.view.setBigUint64(base, BigInt(number), true);
      pages.view.setUint16(base + 10, LmdbPage.overflow, true);
      pages.view.setUint32(base + 12, count, true);
    }
    const here = Math.min(PAGE_SIZE - skip, length - written);
    pages.bytes.set(store.arena.subarray(at + written, at + written + here), base + skip);
    written += here;
  }
}

function writePageHeader(
  pages: PageStream,
  base: number,
  number: number,
  flags: number,
  entries: number,
  upper: number,
): void {
  pages.view.setBigUint64(base, BigInt(number), true);
  pages.view.setUint16(base + 10, flags, true);
  pages.view.setUint16(base + 12, LMDB_PAGE_HEADER + entries * 2, true);
  pages.view.setUint16(base + 14, upper, true);
}

/** Writes the branch pages above `children`, each with two entries at least. */
function writeLevel(children: readonly Child[], pages: PageStream): Child[] {
  const cuts = [0];
  let room = ROOM;
  children.forEach((child, at) => {
    const size = (keyLength: number) => even(8 + keyLength) + 2;
    const cost = size(room === ROOM ? 0 : child.key.length);
    if (cost > room) {
      cuts.push(at);
      room = ROOM - size(0);
    } else room -= cost;
  });
  const last = cuts.length - 1;
  if (last > 0 && children.length - cuts[last]! === 1) cuts[last]! -= 1;
  cuts.push(children.length);
  const above: Child[] = [];
  for (let cut = 0; cut + 1 < cuts.length; cut++) {
    const part = children.slice(cuts[cut]!, cuts[cut + 1]!);
    const number = pages.next;
    const base = pages.begin();
    let upper = PAGE_SIZE;
    part.forEach((child, at) => {
      const key = at === 0 ? new Uint8Array() : child.key;
      upper -= even(8 + key.length);
      const node = base + upper;
      pages.view.setUint32(node, child.page % 0x100000000, true);
      pages.view.setUint16(node + 4, Math.floor(child.page / 0x100000000), true);
      pages.view.setUint16(node + 6, key.length, true);
      pages.bytes.set(key, node + 8);
      pages.view.setUint16(base + LMDB_PAGE_HEADER + at * 2, upper, true);
    });
    writePageHeader(pages, base, number, LmdbPage.branch, part.length, upper);
    above.push({ page: number, key: part[0]!.key });
  }
  return above;
}

function writeMeta(
  file: Deno.FsFile,
  number: number,
  transaction: number,
  tree: TreeNumbers,
  entries: number,
  lastPage: number,
  mapSize: number,
): void {
  const page = new DataView(new ArrayBuffer(PAGE_SIZE));
  page.setBigUint64(0, BigInt(number), true);
  page.setUint16(10, LmdbPage.meta, true);
  page.setUint32(16, LMDB_MAGIC, true);
  page.setUint32(20, 1, true);
  page.setBigUint64(32, BigInt(mapSize), true);
  page.setUint32(40, PAGE_SIZE, true);
  page.setUint16(44, FREE_LIST_FLAGS, true);
  page.setBigUint64(80, NO_PAGE, true);
  page.setUint16(94, tree.depth, true);
  page.setBigUint64(96, BigInt(tree.branchPages), true);
  page.setBigUint64(104, BigInt(tree.leafPages), true);
  page.setBigUint64(112, BigInt(tree.overflowPages), true);
  page.setBigUint64(120, BigInt(entries), true);
  page.setBigUint64(128, tree.root === undefined ? NO_PAGE : BigInt(tree.root), true);
  page.setBigUint64(136, BigInt(lastPage), true);
  page.setBigUint64(144, BigInt(transaction), true);
  writeAll(file, new Uint8Array(page.buffer), PAGE_SIZE, number * PAGE_SIZE);
}
