import type { BlockFile } from "./block_file.ts";

/** Reads one open indexed file. All methods throw `BadFormat`, `FileChanged` or `FileBusy`. */
export interface IndexReader {
  /** The value stored under exactly these bytes; valid until the next call. */
  find(key: Uint8Array): Uint8Array | undefined;
  /** All entries in the order of the file; copies. */
  entries(): Iterable<readonly [Uint8Array, Uint8Array]>;
  /** Facts about the file, for the inspector. */
  describe(): Readonly<Record<string, string | number>>;
}

/** One kind of indexed file. */
export interface IndexFormat {
  readonly type: "hash" | "btree" | "cdb" | "lmdb";
  /** What is appended to the table's name. */
  readonly suffix: string;
  /** Are keys stored with a NUL at the end by default? */
  readonly terminated: boolean;
  /** Are readers to take a lock, because writers change the file in place? */
  readonly locking: boolean;
  open(file: BlockFile): IndexReader;
}
