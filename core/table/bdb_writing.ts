import { PAGE_HEADER, PageField, PageType } from "./bdb_pages.ts";
import type { PageStream } from "./page_stream.ts";

/** What the writers of Berkeley DB's hash and btree files share. */

/** Page size of the files that are written, as the library chooses it on Linux. */
export const PAGE_SIZE = 4096;

/** Bytes of a page that items and their index entries may take. */
export const PAGE_ROOM = PAGE_SIZE - PAGE_HEADER;

const FILE_VERSION = 9;

/** Fills in the header that every page but the first has. */
export function writePageHeader(
  pages: PageStream,
  base: number,
  number: number,
  fields: {
    readonly previous: number;
    readonly next: number;
    readonly entries: number;
    readonly lowest: number;
    readonly level: number;
    readonly type: number;
  },
): void {
  const { view } = pages;
  // The log position of a page that was written without a log.
  view.setUint32(base + 4, 1, true);
  view.setUint32(base + PageField.number, number, true);
  view.setUint32(base + PageField.previous, fields.previous, true);
  view.setUint32(base + PageField.next, fields.next, true);
  view.setUint16(base + PageField.entries, fields.entries, true);
  view.setUint16(base + PageField.lowest, fields.lowest, true);
  view.setUint8(base + PageField.level, fields.level);
  view.setUint8(base + PageField.type, fields.type);
}

/** Number of pages that an item on a chain of its own takes. */
export function overflowPages(length: number): number {
  return Math.ceil(length / PAGE_ROOM);
}

/** Writes an item on a chain of overflow pages that begins with the stream's next page. */
export function writeOverflow(pages: PageStream, bytes: Uint8Array, at: number, length: number): void {
  const count = overflowPages(length);
  for (let index = 0; index < count; index++) {
    const number = pages.next;
    const base = pages.begin();
    const start = index * PAGE_ROOM;
    const here = Math.min(PAGE_ROOM, length - start);
    writePageHeader(pages, base, number, {
      previous: index === 0 ? 0 : number - 1,
      next: index === count - 1 ? 0 : number + 1,
      entries: 1,
      lowest: here,
      level: 0,
      type: PageType.overflow,
    });
    pages.bytes.set(bytes.subarray(at + start, at + start + here), base + PAGE_HEADER);
  }
}

/** The metadata page with the fields that both kinds have; the identifier is random. */
export function metadataPage(
  magic: number,
  type: number,
  lastPage: number,
  uid: Uint8Array,
): DataView<ArrayBuffer> {
  const page = new DataView(new ArrayBuffer(PAGE_SIZE));
  page.setUint32(4, 1, true);
  page.setUint32(12, magic, true);
  page.setUint32(16, FILE_VERSION, true);
  page.setUint32(20, PAGE_SIZE, true);
  page.setUint8(25, type);
  page.setUint32(32, lastPage, true);
  new Uint8Array(page.buffer, 52, 20).set(uid);
  return page;
}
