/**
 * A door of its own: Berkeley DB hash files whose keys and values are bytes of somebody else's making, such as the
 * password file of SASL. Tables for lookups come from `mod.ts`.
 */
import { BadFormat, BlockFile, FileBusy, FileChanged } from "./block_file.ts";
import { EntryStore } from "./entry_store.ts";
import { bdbHash, readHashFile } from "./hash_file.ts";
import { writeHashFile } from "./hash_writer.ts";
import { bytesAt, findValue, type IndexReader } from "./index_reader.ts";
import { replaceFile } from "./replace_file.ts";
import { rewriteInPlace } from "./rewrite_in_place.ts";

export { BadFormat };

const CACHE_BYTES = 4 * 1024 * 1024;
const MOST_TRIES = 20;

/** A hash file that is asked again and again and may be changed by others meanwhile. */
export class RawHashFile {
  #file: BlockFile | undefined;
  #reader: IndexReader | undefined;

  constructor(readonly path: string) {}

  /** The value under a key; a copy. Throws the system's error or `BadFormat`. */
  find(key: Uint8Array): Uint8Array | undefined {
    return this.#read((reader) => findValue(reader, key)?.slice());
  }

  /** All entries in the order of the file. */
  entries(): (readonly [Uint8Array, Uint8Array])[] {
    return this.#read((reader) =>
      Array.from(reader.entries(), ({ key, value }) => [bytesAt(key), bytesAt(value)] as const)
    );
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#reader = undefined;
  }

  /** Others write in place and without a lock, so that a file that looks broken is looked at again. */
  #read<T>(use: (reader: IndexReader) => T): T {
    for (let tries = 1;; tries++) {
      try {
        if (this.#file?.current !== true) this.#open();
        return use(this.#reader!);
      } catch (error) {
        this.close();
        const passing = error instanceof FileChanged || error instanceof FileBusy ||
          error instanceof BadFormat;
        if (!passing || tries === MOST_TRIES) throw error;
      }
    }
  }

  #open(): void {
    this.close();
    const file = this.#file = new BlockFile(this.path, CACHE_BYTES, true);
    this.#reader = readHashFile(file);
  }
}

/** A change: a value to store under a key, or undefined to take the key out. */
export type RawChange = readonly [key: Uint8Array, value: Uint8Array | undefined];

/**
 * Changes entries of a hash file: a new file takes the old one's place in one step, with its owner and mode. An absent
 * or empty file counts as one without entries.
 * @param mode mode of a file that is made
 * @throws BadFormat, ReplaceError or the system's error; the old file is unchanged then
 */
export function changeHashFile(path: string, changes: readonly RawChange[], mode: number): void {
  const target = realPath(path);
  const before = statOrUndefined(target);
  const prepare = () => changed(target, changes);
  const write = (file: Deno.FsFile, store: EntryStore) =>
    writeHashFile(file, store, crypto.getRandomValues(new Uint8Array(20)));
  const owner = before?.uid != null && before.gid != null ? { uid: before.uid, gid: before.gid } : undefined;
  try {
    replaceFile(
      target,
      { mode: (before?.mode ?? mode) & 0o7777, ...(owner === undefined ? {} : { owner }) },
      prepare,
      write,
    );
  } catch (error) {
    if (error instanceof BadFormat || before === undefined) throw error;
    // Who may write the file but not its directory has to write it in place.
    if (!rewriteInPlace(target, prepare, write)) throw error;
  }
}

function changed(path: string, changes: readonly RawChange[]): EntryStore {
  const store = new EntryStore(new Uint8Array(4096), 0, bdbHash);
  if ((statOrUndefined(path)?.size ?? 0) > 0) {
    const file = new BlockFile(path, CACHE_BYTES, false);
    try {
      for (const { key, value } of readHashFile(file).entries()) {
        store.addBytes(bytesAt(key), bytesAt(value), "replace");
      }
    } finally {
      file.close();
    }
  }
  for (const [key, value] of changes) {
    if (value === undefined) store.remove(key);
    else store.addBytes(key, value, "replace");
  }
  return store;
}

function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
}

function statOrUndefined(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
