import { BadFormat, type BlockFile, FileChanged } from "./block_file.ts";
import { compareParts } from "./compare.ts";
import { type IndexReader, noPlace, type Place } from "./index_reader.ts";

export const LMDB_MAGIC = 0xbeefc0de;
export const LMDB_PAGE_HEADER = 16;
export const LmdbPage = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const;
/** Most bytes of a key, its NUL included. */
export const LMDB_LONGEST_KEY = 511;
/** The node's data are on overflow pages. */
export const LMDB_BIG_DATA = 1;

const META_BYTES = 152;
const NO_PAGE = 0xffffffffffffffffn;
const DEEPEST = 32;

/** What a metadata page says about the main database. */
interface LmdbMeta {
  readonly transaction: bigint;
  readonly pageSize: number;
  readonly mapSize: number;
  readonly flags: number;
  readonly entries: number;
  readonly depth: number;
  readonly root: bigint;
  readonly lastPage: number;
}

/**
 * Reads a file of LMDB 0.9 (data version 1). Its writers never change a page that the newest finished transaction uses,
 * so no lock is needed: a page is good if the newest transaction is still the one that the reader began with.
 */
export function readLmdbFile(file: BlockFile): IndexReader {
  const meta = newestMeta(file);
  if (meta === undefined) throw new BadFormat("MDB_INVALID: File is not an LMDB file");
  if (meta.flags !== 0) throw new BadFormat("the main database has flags that mail tables never have");
  if ((meta.lastPage + 1) * meta.pageSize > file.size) {
    if (!file.current) throw new FileChanged("a transaction was written");
    throw new BadFormat(`the file ends before its last page ${meta.lastPage}`);
  }
  file.useBlocks(meta.pageSize);
  file.verify = transactionCheck(file, meta);

  const page = (number: number): number => {
    if (number < 2 || number > meta.lastPage) throw new BadFormat(`page ${number} is not in the tree`);
    return file.at(number);
  };

  const flagsOf = (base: number) => file.view.getUint16(base + 10, true);

  const nodeCount = (base: number, number: number): number => {
    const lower = file.view.getUint16(base + 12, true);
    if (lower < LMDB_PAGE_HEADER || lower > meta.pageSize || (lower & 1) !== 0) {
      throw new BadFormat(`page ${number} has a wrong index`);
    }
    return (lower - LMDB_PAGE_HEADER) >> 1;
  };

  /** Offset of a node in `file.bytes`, its header and key inside the page. */
  const nodeAt = (base: number, index: number, number: number): number => {
    const offset = file.view.getUint16(base + LMDB_PAGE_HEADER + index * 2, true);
    if (
      offset < LMDB_PAGE_HEADER || offset + 8 > meta.pageSize ||
      offset + 8 + file.view.getUint16(base + offset + 6, true) > meta.pageSize
    ) throw new BadFormat(`node ${index} of page ${number} is outside the page`);
    return base + offset;
  };

  const compareNode = (
    key: Uint8Array,
    size: number,
    base: number,
    index: number,
    number: number,
  ): number => {
    const node = nodeAt(base, index, number);
    return compareParts(key, size, file.bytes, node + 8, file.view.getUint16(node + 6, true));
  };

  const childOf = (node: number): number =>
    file.view.getUint32(node, true) + file.view.getUint16(node + 4, true) * 0x100000000;

  /** Sets `place` to a value, valid until another page is asked for. */
  const placeValue = (base: number, index: number, number: number, place: Place): void => {
    const node = nodeAt(base, index, number);
    const length = file.view.getUint32(node, true);
    const flags = file.view.getUint16(node + 4, true);
    const data = node + 8 + file.view.getUint16(node + 6, true);
    if (flags === 0) {
      if (data + length > base + meta.pageSize) throw new BadFormat(`a value of page ${number} is cut off`);
      place.bytes = file.bytes;
      place.start = data;
      place.end = data + length;
      return;
    }
    if (flags !== LMDB_BIG_DATA || data + 8 > base + meta.pageSize) {
      throw new BadFormat(`page ${number} has a node with unknown flags ${flags}`);
    }
    place.bytes = readRun(Number(file.view.getBigUint64(data, true)), length);
    place.start = 0;
    place.end = length;
  };

  /** A value on a run of overflow pages, of which only the first has a header. */
  const readRun = (first: number, length: number): Uint8Array => {
    const pages = Math.floor((LMDB_PAGE_HEADER - 1 + length) / meta.pageSize) + 1;
    if (first + pages - 1 > meta.lastPage) throw new BadFormat(`a value claims ${length} bytes`);
    if (flagsOf(page(first)) !== LmdbPage.overflow) {
      throw new BadFormat(`page ${first} should be an overflow page`);
    }
    const bytes = new Uint8Array(length);
    let filled = 0;
    for (let number = first; filled < length; number++) {
      const skip = number === first ? LMDB_PAGE_HEADER : 0;
      const count = Math.min(meta.pageSize - skip, length - filled);
      const base = page(number) + skip;
      bytes.set(file.bytes.subarray(base, base + count), filled);
      filled += count;
    }
    return bytes;
  };

  const root = meta.root === NO_PAGE ? undefined : Number(meta.root);

  const findLeaf = (key: Uint8Array, size: number): number => {
    let number = root!;
    for (let depth = 0; depth < DEEPEST; depth++) {
      const base = page(number);
      const flags = flagsOf(base);
      if (flags === LmdbPage.leaf) return number;
      if (flags !== LmdbPage.branch) throw new BadFormat(`page ${number} has unexpected flags ${flags}`);
      let low = 0;
      let high = nodeCount(base, number) - 1;
      if (high < 0) throw new BadFormat(`page ${number} has no entries`);
      // The first entry has no key: it stands for everything below the second.
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (compareNode(key, size, base, middle, number) >= 0) low = middle;
        else high = middle - 1;
      }
      number = childOf(nodeAt(base, low, number));
    }
    throw new BadFormat("the tree is too deep");
  };

  function* leaves(number: number, depth: number): Generator<number> {
    if (depth > DEEPEST) throw new BadFormat("the tree is too deep");
    const base = page(number);
    if (flagsOf(base) === LmdbPage.leaf) {
      yield number;
      return;
    }
    if (flagsOf(base) !== LmdbPage.branch) throw new BadFormat(`page ${number} is not part of a tree`);
    const children = Array.from(
      { length: nodeCount(base, number) },
      (_, index) => childOf(nodeAt(base, index, number)),
    );
    for (const child of children) yield* leaves(child, depth + 1);
  }

  return {
    locate(key, size, place) {
      if (root === undefined || size > LMDB_LONGEST_KEY) return false;
      const number = findLeaf(key, size);
      let low = 0;
      let high = nodeCount(page(number), number);
      while (low < high) {
        const middle = (low + high) >> 1;
        const order = compareNode(key, size, page(number), middle, number);
        if (order === 0) {
          placeValue(page(number), middle, number, place);
          return true;
        }
        if (order < 0) high = middle;
        else low = middle + 1;
      }
      return false;
    },
    *entries() {
      if (root === undefined) return;
      let visited = 0;
      const entry = { key: noPlace(), value: noPlace() };
      for (const number of leaves(root, 0)) {
        visited += 1;
        if (visited > meta.lastPage) throw new BadFormat("the tree has a loop");
        const count = nodeCount(page(number), number);
        for (let index = 0; index < count; index++) {
          placeValue(page(number), index, number, entry.value);
          // The key comes after the value, which may have moved other pages into memory.
          const node = nodeAt(page(number), index, number);
          entry.key.bytes = file.bytes;
          entry.key.start = node + 8;
          entry.key.end = node + 8 + file.view.getUint16(node + 6, true);
          yield entry;
        }
      }
    },
    describe: () => ({
      "page size": meta.pageSize,
      pages: meta.lastPage + 1,
      depth: meta.depth,
      "map size": meta.mapSize,
      transaction: Number(meta.transaction),
      entries: meta.entries,
    }),
  };
}

/** Throws `FileChanged` when a transaction number has changed since it was made; one small read. */
function transactionCheck(file: BlockFile, { pageSize, transaction }: LmdbMeta): () => void {
  const length = pageSize + META_BYTES;
  const bytes = new Uint8Array(length);
  const numbers = [144, 148, pageSize + 144, pageSize + 148];
  const view = new DataView(bytes.buffer);
  file.read(bytes, 0, length, 0);
  const before = numbers.map((at) => view.getUint32(at, true));
  const [one, other] = [view.getBigUint64(144, true), view.getBigUint64(pageSize + 144, true)];
  if ((one > other ? one : other) !== transaction) throw new FileChanged("a transaction was written");
  return () => {
    file.read(bytes, 0, length, 0);
    for (let index = 0; index < numbers.length; index++) {
      if (view.getUint32(numbers[index]!, true) !== before[index]) {
        throw new FileChanged("a transaction was written");
      }
    }
  };
}

/** The metadata page of the newest finished transaction; undefined if there is no good one. */
function newestMeta(file: BlockFile): LmdbMeta | undefined {
  const first = readMeta(file, 0);
  const second = first === undefined ? undefined : readMeta(file, first.pageSize);
  if (first === undefined || second === undefined) return undefined;
  return second.transaction > first.transaction ? second : first;
}

function readMeta(file: BlockFile, position: number): LmdbMeta | undefined {
  const bytes = new Uint8Array(META_BYTES);
  if (file.read(bytes, 0, META_BYTES, position) < META_BYTES) return undefined;
  const view = new DataView(bytes.buffer);
  const pageSize = view.getUint32(40, true);
  const goodSize = pageSize >= 512 && pageSize <= 65536 && (pageSize & (pageSize - 1)) === 0;
  if (
    (view.getUint16(10, true) & LmdbPage.meta) === 0 || view.getUint32(16, true) !== LMDB_MAGIC ||
    view.getUint32(20, true) !== 1 || !goodSize
  ) return undefined;
  return {
    transaction: view.getBigUint64(144, true),
    pageSize,
    mapSize: Number(view.getBigUint64(32, true)),
    flags: view.getUint16(92, true),
    depth: view.getUint16(94, true),
    entries: Number(view.getBigUint64(120, true)),
    root: view.getBigUint64(128, true),
    lastPage: Number(view.getBigUint64(136, true)),
  };
}
