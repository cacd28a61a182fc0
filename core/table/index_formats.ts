import { readBtreeFile } from "./btree_file.ts";
import { readCdbFile } from "./cdb_file.ts";
import { readHashFile } from "./hash_file.ts";
import { readLmdbFile } from "./lmdb_file.ts";
import type { IndexFormat } from "./index_reader.ts";

/** The indexed file types by name. */
export const indexFormats: ReadonlyMap<string, IndexFormat> = new Map<string, IndexFormat>([
  ["hash", { type: "hash", suffix: ".db", terminated: true, locking: true, open: readHashFile }],
  ["btree", { type: "btree", suffix: ".db", terminated: true, locking: true, open: readBtreeFile }],
  ["cdb", { type: "cdb", suffix: ".cdb", terminated: false, locking: false, open: readCdbFile }],
  ["lmdb", { type: "lmdb", suffix: ".lmdb", terminated: true, locking: false, open: readLmdbFile }],
]);
