import { writeBtreeFile } from "./btree_writer.ts";
import { writeCdbFile } from "./cdb_writer.ts";
import type { EntryStore } from "./entry_store.ts";
import { writeHashFile } from "./hash_writer.ts";
import type { IndexFormat } from "./index_reader.ts";
import { writeLmdbFile } from "./lmdb_writer.ts";

/**
 * Writes the entries as an indexed file. Throws the system's error or `RangeError`.
 * @param lmdbMapSize map size to record in an lmdb file
 */
export function writeIndexFile(
  format: IndexFormat,
  file: Deno.FsFile,
  store: EntryStore,
  lmdbMapSize: number,
): void {
  const identifier = () => crypto.getRandomValues(new Uint8Array(20));
  if (format.type === "hash") writeHashFile(file, store, identifier());
  else if (format.type === "btree") writeBtreeFile(file, store, identifier());
  else if (format.type === "cdb") writeCdbFile(file, store);
  else writeLmdbFile(file, store, lmdbMapSize);
}
