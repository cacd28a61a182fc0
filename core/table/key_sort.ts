import type { EntryStore } from "./entry_store.ts";

/** Below this many entries insertion sort is faster. */
const SMALL = 12;

/**
 * Puts entries into key order: unsigned bytes, of two keys with the same beginning the shorter first. Keys share long
 * beginnings and a comparison of two keys far apart in memory is slow, so four bytes at a time are kept beside the
 * entries and ranges are parted in three (a quicksort over strings).
 */
export function sortByKey(store: EntryStore, order: Uint32Array<ArrayBuffer>): void {
  if (isSorted(store, order)) return;
  const { arena, keyAt, keyLength } = store;
  const chunks = new Uint32Array(order.length);

  /** Four key bytes from `depth` on, zeros behind the end. */
  const chunkOf = (index: number, depth: number): number => {
    const at = keyAt[index]! + depth;
    const left = keyLength[index]! - depth;
    if (left >= 4) {
      return ((arena[at]! << 24) | (arena[at + 1]! << 16) | (arena[at + 2]! << 8) | arena[at + 3]!) >>> 0;
    }
    let chunk = 0;
    for (let byte = 0; byte < 4; byte++) chunk = chunk * 256 + (byte < left ? arena[at + byte]! : 0);
    return chunk;
  };

  const insertion = (from: number, to: number, depth: number) => {
    for (let at = from + 1; at < to; at++) {
      const index = order[at]!;
      let place = at;
      while (place > from && compareFrom(store, order[place - 1]!, index, depth) > 0) {
        order[place] = order[place - 1]!;
        place -= 1;
      }
      order[place] = index;
    }
  };

  const swap = (one: number, other: number) => {
    const index = order[one]!;
    order[one] = order[other]!;
    order[other] = index;
    const chunk = chunks[one]!;
    chunks[one] = chunks[other]!;
    chunks[other] = chunk;
  };

  // Ranges still to be sorted: from, to, depth, and whether their chunks must be read.
  const work: number[] = [0, order.length, 0, 1];
  while (work.length > 0) {
    const fresh = work.pop()!;
    const depth = work.pop()!;
    const to = work.pop()!;
    const from = work.pop()!;
    if (to - from <= SMALL) {
      insertion(from, to, depth);
      continue;
    }
    if (fresh === 1) { for (let at = from; at < to; at++) chunks[at] = chunkOf(order[at]!, depth); }
    const pivot = median(chunks[from]!, chunks[(from + to) >> 1]!, chunks[to - 1]!);
    let lower = from;
    let upper = to;
    for (let at = from; at < upper;) {
      const chunk = chunks[at]!;
      if (chunk < pivot) swap(at++, lower++);
      else if (chunk > pivot) swap(at, --upper);
      else at += 1;
    }
    work.push(from, lower, depth, 0, upper, to, depth, 0);
    // Equal chunks: keys that end inside them stand before longer ones, which differ further on.
    const open = endedFirst(store, order, lower, upper, depth + 4);
    insertionByLength(store, order, lower, open);
    work.push(open, upper, depth + 4, 1);
  }
}

function median(one: number, two: number, three: number): number {
  return Math.max(Math.min(one, two), Math.min(Math.max(one, two), three));
}

/** Moves keys that are not longer than `depth` to the front of the range; returns where the others begin. */
function endedFirst(store: EntryStore, order: Uint32Array, from: number, to: number, depth: number): number {
  let front = from;
  for (let at = from; at < to; at++) {
    const index = order[at]!;
    if (store.keyLength[index]! > depth) continue;
    order[at] = order[front]!;
    order[front] = index;
    front += 1;
  }
  return front;
}

/** Keys with the same four bytes that end in them differ in the number of zero bytes at the end; there are five at most. */
function insertionByLength(store: EntryStore, order: Uint32Array, from: number, to: number): void {
  if (to - from > 1) {
    order.subarray(from, to).sort((one, other) => store.keyLength[one]! - store.keyLength[other]!);
  }
}

function compareFrom(store: EntryStore, one: number, other: number, depth: number): number {
  const { arena, keyAt, keyLength } = store;
  const first = keyAt[one]!;
  const second = keyAt[other]!;
  const common = Math.min(keyLength[one]!, keyLength[other]!);
  for (let offset = depth; offset < common; offset++) {
    const difference = arena[first + offset]! - arena[second + offset]!;
    if (difference !== 0) return difference;
  }
  return keyLength[one]! - keyLength[other]!;
}

function isSorted(store: EntryStore, order: Uint32Array): boolean {
  for (let at = 1; at < order.length; at++) {
    if (compareFrom(store, order[at - 1]!, order[at]!, 0) > 0) return false;
  }
  return true;
}
