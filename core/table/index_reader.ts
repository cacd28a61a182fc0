import type { BlockFile } from "./block_file.ts";
import type { KeyGroup, ViewedBytes } from "./key_group.ts";

/** Where `locate` found a value: in the file's pages or in a copy, valid until the next call. */
export interface Place {
  bytes: Uint8Array;
  start: number;
  end: number;
}

/** Where an entry is. */
export interface EntryPlace {
  readonly key: Place;
  readonly value: Place;
}

/** A place that is nowhere yet. */
export function noPlace(): Place {
  return { bytes: NOTHING, start: 0, end: 0 };
}

const NOTHING = new Uint8Array(0);

/** A copy of the bytes at a place. */
export function bytesAt({ bytes, start, end }: Place): Uint8Array {
  return bytes.slice(start, end);
}

/** Looks up many keys at a time that are stored without a NUL at the end. */
export interface GroupLookup {
  /** What the places of values mean. */
  readonly file: ViewedBytes;
  /**
   * Looks up the lines of `input[from .. end)`, of which the last ends with a newline, up to the first that is empty or is
   * not plain ASCII or, where keys are to be `folded`, has capital letters. The key that stands before a value in the file has
   * the length of the line; whether it is the same is for the caller to see, who looks again for one that is not.
   */
  locate(group: KeyGroup, input: ViewedBytes, from: number, end: number, folded: boolean): void;
}

/** Reads one open indexed file. All methods throw `BadFormat`, `FileChanged` or `FileBusy`. */
export interface IndexReader {
  /** Looks for the value stored under exactly the first `length` bytes of `key`; `place` says where it is. */
  locate(key: Uint8Array, length: number, place: Place): boolean;
  /** Only where all of the file is in one array and keys of this type are found faster together than one by one. */
  readonly group?: GroupLookup;
  /** Where all entries are, in the order of the file: the same object each time, valid until the next. */
  entries(): Iterable<EntryPlace>;
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

/** What Postfix's messages call an indexed table: they name the file, except for lmdb. */
export function indexLabel({ type, suffix }: IndexFormat, name: string): string {
  return `${type}:${name}${type === "lmdb" ? "" : suffix}`;
}

/** The value stored under exactly these bytes, for callers with few keys; valid until the next call. */
export function findValue(reader: IndexReader, key: Uint8Array): Uint8Array | undefined {
  const place = noPlace();
  return reader.locate(key, key.length, place) ? place.bytes.subarray(place.start, place.end) : undefined;
}
