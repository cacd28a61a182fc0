import { BadFormat, type BlockFile } from "./block_file.ts";

/** What the pages of Berkeley DB's hash and btree files have in common (release 5.3, file version 9). */

export const HASH_MAGIC = 0x00061561;
export const BTREE_MAGIC = 0x00053162;

export const PageType = {
  invalid: 0,
  hashUnsorted: 2,
  btreeInternal: 3,
  btreeLeaf: 5,
  overflow: 7,
  hashMeta: 8,
  btreeMeta: 9,
  hash: 13,
} as const;

/** Bytes before the index array of a page. */
export const PAGE_HEADER = 26;

/** Offsets of fields in a page header. */
export const PageField = {
  number: 8,
  previous: 12,
  next: 16,
  entries: 20,
  lowest: 22,
  level: 24,
  type: 25,
} as const;

/** Numbers of the metadata page that both kinds have. */
export interface BdbMeta {
  readonly pageSize: number;
  readonly lastPage: number;
  readonly meta: DataView<ArrayBuffer>;
}

/**
 * Checks the first page and sets the file's block size. Throws `BadFormat` for files of another kind, byte order or
 * version and for features that mail tables never have.
 */
export function openBdb(file: BlockFile, magic: number, versions: readonly number[]): BdbMeta {
  const header = file.header(512);
  if (header.length < 512) throw new BadFormat("the file is too short to be a Berkeley DB file");
  const meta = new DataView(header.buffer);
  const found = meta.getUint32(12, true);
  if (found !== magic) {
    if (meta.getUint32(12, false) === magic) {
      throw new BadFormat("the file comes from a machine with the other byte order");
    }
    if (found === HASH_MAGIC) throw new BadFormat("this is a hash file");
    if (found === BTREE_MAGIC) throw new BadFormat("this is a btree file");
    throw new BadFormat("this is not a Berkeley DB file");
  }
  const version = meta.getUint32(16, true);
  if (!versions.includes(version)) throw new BadFormat(`unsupported Berkeley DB file version ${version}`);
  const pageSize = meta.getUint32(20, true);
  if (pageSize < 512 || pageSize > 65536 || (pageSize & (pageSize - 1)) !== 0) {
    throw new BadFormat(`impossible page size ${pageSize}`);
  }
  if (header[24] !== 0 || header[26] !== 0 || meta.getUint32(48, true) !== 0) {
    throw new BadFormat("encryption, checksums, partitions and duplicates are not supported");
  }
  if (file.size % pageSize !== 0) throw new BadFormat("file size not a multiple of the pagesize");
  const lastPage = meta.getUint32(32, true);
  if (lastPage >= file.size / pageSize) throw new BadFormat(`the file ends before its last page ${lastPage}`);
  file.useBlocks(pageSize);
  return { pageSize, lastPage, meta };
}

/** The bytes of an item that lives on a chain of overflow pages. */
export function readOverflow(file: BlockFile, firstPage: number, length: number): Uint8Array<ArrayBuffer> {
  const room = file.blockSize - PAGE_HEADER;
  if (length > file.blockCount * room) throw new BadFormat(`an item claims ${length} bytes`);
  const bytes = new Uint8Array(length);
  let filled = 0;
  let page = firstPage;
  while (filled < length) {
    if (page === 0) throw new BadFormat("an overflow chain ends early");
    const base = file.at(page);
    if (file.bytes[base + PageField.type] !== PageType.overflow) {
      throw new BadFormat(`page ${page} should be an overflow page`);
    }
    const here = file.view.getUint16(base + PageField.lowest, true);
    if (here === 0 || here > room || here > length - filled) {
      throw new BadFormat(`overflow page ${page} has a wrong length`);
    }
    bytes.set(file.bytes.subarray(base + PAGE_HEADER, base + PAGE_HEADER + here), filled);
    filled += here;
    page = file.view.getUint32(base + PageField.next, true);
  }
  return bytes;
}

/** Number of index entries of the page at `base`, checked against the page size. */
export function entryCount(file: BlockFile, base: number, page: number): number {
  const entries = file.view.getUint16(base + PageField.entries, true);
  if (PAGE_HEADER + entries * 2 > file.blockSize) throw new BadFormat(`page ${page} claims ${entries} items`);
  return entries;
}

/** Offset inside the page of item `index`, checked against the page. */
export function itemOffset(file: BlockFile, base: number, index: number, page: number): number {
  const offset = file.view.getUint16(base + PAGE_HEADER + index * 2, true);
  if (offset < PAGE_HEADER || offset >= file.blockSize) {
    throw new BadFormat(`item ${index} of page ${page} is outside the page`);
  }
  return offset;
}
