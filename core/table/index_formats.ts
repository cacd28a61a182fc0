import { readHashFile } from "./hash_file.ts";
import type { IndexFormat } from "./index_reader.ts";

/** The indexed file types by name. */
export const indexFormats: ReadonlyMap<string, IndexFormat> = new Map<string, IndexFormat>([
  ["hash", { type: "hash", suffix: ".db", terminated: true, locking: true, open: readHashFile }],
]);
