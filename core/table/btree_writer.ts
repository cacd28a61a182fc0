import { BTREE_MAGIC, PAGE_HEADER, PageType } from "./bdb_pages.ts";
import { metadataPage, PAGE_ROOM, PAGE_SIZE, writeOverflow, writePageHeader } from "./bdb_writing.ts";
import type { EntryStore } from "./entry_store.ts";
import { copyBytes } from "./hash_writer.ts";
import { sortByKey } from "./key_sort.ts";
import { PageStream, writeAll } from "./page_stream.ts";

/** Longer items go to overflow pages: a page must hold two pairs. */
const LARGEST_ON_PAGE = Math.floor(PAGE_ROOM / 4) - 10;
const OVERFLOW_ITEM_SIZE = 12;
const ITEM_ON_PAGE = 1;
const ITEM_OVERFLOW = 3;
const ROOT = 1;

function align4(size: number): number {
  return (size + 3) & ~3;
}

function itemSize(length: number): number {
  return length > LARGEST_ON_PAGE ? OVERFLOW_ITEM_SIZE : align4(3 + length);
}

/** A finished page and the smallest key that leads to it (empty for the first of its level). */
interface Child {
  readonly page: number;
  readonly separator: Uint8Array;
}

/**
 * Writes a Berkeley DB btree file bottom-up: full leaves, overflow pages, then the levels above them; the root is page 1.
 * @param uid 20 bytes that tell the file from others
 */
export function writeBtreeFile(file: Deno.FsFile, store: EntryStore, uid: Uint8Array): void {
  const order = store.order();
  sortByKey(store, order);
  const cuts = cutLeaves(store, order);
  const leafCount = cuts.length - 1;
  const single = leafCount === 1;
  const leaves = new PageStream(file, PAGE_SIZE, single ? ROOT : ROOT + 1);
  const rest = new PageStream(file, PAGE_SIZE, single ? ROOT + 1 : ROOT + 1 + leafCount);
  let children: Child[] = [];
  for (let leaf = 0; leaf < leafCount; leaf++) {
    const entries = order.subarray(cuts[leaf]!, cuts[leaf + 1]!);
    children.push({
      page: leaves.next,
      separator: leaf === 0 ? new Uint8Array() : separatorBefore(store, order, cuts[leaf]!),
    });
    writeLeaf(store, entries, leaves, rest, leaf === 0, leaf === leafCount - 1);
  }
  leaves.flush();
  for (let level = 2; children.length > 1; level++) children = writeLevel(file, children, level, rest);
  rest.flush();
  const meta = metadataPage(BTREE_MAGIC, PageType.btreeMeta, rest.next - 1, uid);
  meta.setUint32(76, 2, true);
  meta.setUint32(84, 0x20, true);
  meta.setUint32(88, ROOT, true);
  writeAll(file, new Uint8Array(meta.buffer), PAGE_SIZE, 0);
}

/** Where each leaf begins in the order, and the end. */
function cutLeaves(store: EntryStore, order: Uint32Array): number[] {
  const cuts = [0];
  let room = PAGE_ROOM;
  for (let at = 0; at < order.length; at++) {
    const index = order[at]!;
    const cost = itemSize(store.keyLength[index]!) + itemSize(store.valueLength[index]!) + 4;
    if (cost > room) {
      cuts.push(at);
      room = PAGE_ROOM;
    }
    room -= cost;
  }
  cuts.push(order.length);
  return cuts;
}

/** The shortest beginning of the key at `at` that is greater than the key before it. */
function separatorBefore(store: EntryStore, order: Uint32Array, at: number): Uint8Array {
  const { arena, keyAt, keyLength } = store;
  const left = keyAt[order[at - 1]!]!;
  const right = keyAt[order[at]!]!;
  const common = Math.min(keyLength[order[at - 1]!]!, keyLength[order[at]!]!);
  let same = 0;
  while (same < common && arena[left + same] === arena[right + same]) same += 1;
  return arena.slice(right, right + same + 1);
}

function writeLeaf(
  store: EntryStore,
  entries: Uint32Array,
  pages: PageStream,
  rest: PageStream,
  isFirst: boolean,
  isLast: boolean,
): void {
  const number = pages.next;
  const base = pages.begin();
  let lowest = PAGE_SIZE;
  let item = 0;
  const put = (at: number, length: number) => {
    lowest -= itemSize(length);
    const offset = base + lowest;
    if (length > LARGEST_ON_PAGE) {
      pages.view.setUint8(offset + 2, ITEM_OVERFLOW);
      pages.view.setUint32(offset + 4, rest.next, true);
      pages.view.setUint32(offset + 8, length, true);
      writeOverflow(rest, store.arena, at, length);
    } else {
      pages.view.setUint16(offset, length, true);
      pages.view.setUint8(offset + 2, ITEM_ON_PAGE);
      copyBytes(store.arena, at, pages.bytes, offset + 3, length);
    }
    pages.view.setUint16(base + PAGE_HEADER + item * 2, lowest, true);
    item += 1;
  };
  for (const index of entries) {
    put(store.keyAt[index]!, store.keyLength[index]!);
    put(store.valueAt[index]!, store.valueLength[index]!);
  }
  writePageHeader(pages, base, number, {
    previous: isFirst ? 0 : number - 1,
    next: isLast ? 0 : number + 1,
    entries: item,
    lowest,
    level: 1,
    type: PageType.btreeLeaf,
  });
}

function entrySize(separator: Uint8Array): number {
  return align4(12 + (separator.length > LARGEST_ON_PAGE ? OVERFLOW_ITEM_SIZE : separator.length));
}

/** Writes the level above `children`; a level of one page is the root. */
function writeLevel(file: Deno.FsFile, children: readonly Child[], level: number, rest: PageStream): Child[] {
  const cuts = [0];
  let room = PAGE_ROOM;
  for (let at = 0; at < children.length; at++) {
    // The first entry of a page is written without its key.
    const cost = 2 + (room === PAGE_ROOM ? 12 : entrySize(children[at]!.separator));
    if (cost > room) {
      cuts.push(at);
      room = PAGE_ROOM - 14;
    } else room -= cost;
  }
  const last = cuts.length - 1;
  if (last > 0 && children.length - cuts[last]! === 1) cuts[last]! -= 1;
  cuts.push(children.length);
  const above: Child[] = [];
  for (let page = 0; page + 1 < cuts.length; page++) {
    const part = children.slice(cuts[page]!, cuts[page + 1]!);
    const isRoot = cuts.length === 2;
    const root = isRoot ? new PageStream(file, PAGE_SIZE, ROOT) : undefined;
    const overflows = part.map((child, at) =>
      at > 0 && child.separator.length > LARGEST_ON_PAGE ? overflowFor(child.separator, rest) : 0
    );
    const number = (root ?? rest).next;
    writeInternal(part, overflows, root ?? rest, number, level);
    root?.flush();
    above.push({ page: number, separator: part[0]!.separator });
  }
  return above;
}

/** Writes a long separator to its own chain and returns the chain's first page. */
function overflowFor(separator: Uint8Array, rest: PageStream): number {
  const first = rest.next;
  writeOverflow(rest, separator, 0, separator.length);
  return first;
}

function writeInternal(
  part: readonly Child[],
  overflows: readonly number[],
  pages: PageStream,
  number: number,
  level: number,
): void {
  const base = pages.begin();
  const { view, bytes } = pages;
  let lowest = PAGE_SIZE;
  part.forEach((child, at) => {
    const separator = at === 0 ? new Uint8Array() : child.separator;
    lowest -= entrySize(separator);
    const offset = base + lowest;
    const isOverflow = separator.length > LARGEST_ON_PAGE;
    view.setUint16(offset, isOverflow ? OVERFLOW_ITEM_SIZE : separator.length, true);
    view.setUint8(offset + 2, isOverflow ? ITEM_OVERFLOW : ITEM_ON_PAGE);
    view.setUint32(offset + 4, child.page, true);
    if (isOverflow) {
      view.setUint8(offset + 12 + 2, ITEM_OVERFLOW);
      view.setUint32(offset + 12 + 4, overflows[at]!, true);
      view.setUint32(offset + 12 + 8, separator.length, true);
    } else bytes.set(separator, offset + 12);
    view.setUint16(base + PAGE_HEADER + at * 2, lowest, true);
  });
  writePageHeader(pages, base, number, {
    previous: 0,
    next: 0,
    entries: part.length,
    lowest,
    level,
    type: PageType.btreeInternal,
  });
}
