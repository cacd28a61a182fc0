import { encodeText } from "../bytes/mod.ts";
import { asUser } from "../system/mod.ts";
import { BadFormat, BlockFile, FileChanged } from "./block_file.ts";
import { cdbHash } from "./cdb_file.ts";
import { EntryStore } from "./entry_store.ts";
import { foldKey } from "./fold.ts";
import { bdbHash } from "./hash_file.ts";
import { indexFormats } from "./index_formats.ts";
import { bytesAt, type IndexFormat } from "./index_reader.ts";
import { writeIndexFile } from "./index_writer.ts";
import { LmdbWriters } from "./lmdb_writers.ts";
import { MakeError, type MakeOptions } from "./make_options.ts";
import { addAliasMarks, addSource, readSource, readStream, type Source } from "./make_source.ts";
import { isSystemError, reasonOf } from "../errors/mod.ts";
import { loadedTypes, localTypes } from "./registry.ts";
import { ReplaceError, replaceFile, type ReplaceOptions } from "./replace_file.ts";
import { rewriteInPlace } from "./rewrite_in_place.ts";

/** Mode of a new table, before the source's mode takes bits away. */
const NEW_MODE = 0o644;

const SILENT = { info() {}, warning() {} };

/** The format of a type that can be made. Throws `MakeError` for the others. */
export function makeableFormat(type: string): IndexFormat {
  const format = indexFormats.get(type);
  if (format !== undefined) return format;
  throw new MakeError(
    localTypes.has(type) || loadedTypes.has(type)
      ? `unsupported dictionary type: ${type} does not support bulk-mode creation.`
      : `unsupported dictionary type: ${type}. Is the postfix-${type} package installed?`,
  );
}

/**
 * Makes the table `name` of a type from the source file of that name, or with `additions` adds to what is in it already
 * (`-i`). A reader sees the old table or the new one. Throws `MakeError`.
 * @param additions standard input, which is read instead; owner and mode are its own if it is a file
 */
export function makeTable(
  type: string,
  name: string,
  options: MakeOptions,
  additions?: Deno.FsFile | typeof Deno.stdin,
): void {
  if (type === "proxy") throw new MakeError("can't create maps via the proxy service");
  // A missing source is complained of before a type that can't be made.
  const file = additions === undefined ? readSource(name) : undefined;
  const format = makeableFormat(type);
  const source = file ?? readStream(additions!);
  asOwner(source, options, () => {
    const path = targetPath(name + format.suffix);
    const existing = additions === undefined ? undefined : path;
    // Filling a table writes into its source.
    const spare = existing !== undefined && format.type === "lmdb" ? source.bytes.slice() : undefined;
    replaceTable(path, format, name, source, options, existing, (store, again) => {
      const from = again ? { ...source, bytes: spare!.slice() } : source;
      const said = again ? { ...options, log: SILENT } : options;
      addSource(store, from, additions === undefined ? name : "stdin", format, name, said);
      if (options.aliases) addAliasMarks(store, format, options);
    });
  });
}

/**
 * Removes keys from a table (`-d`). Returns for each key whether it was there; nothing is written when none was. Throws
 * `MakeError`.
 */
export function deleteKeys(
  type: string,
  name: string,
  keys: readonly string[],
  options: MakeOptions,
): boolean[] {
  const format = makeableFormat(type);
  const path = targetPath(name + format.suffix);
  let found: boolean[] = [];
  const info = statOrFail(path, name + format.suffix);
  asOwner({ ...ownerOf(info), bytes: new Uint8Array(1), size: 0 }, options, () => {
    replaceTable(path, format, name, undefined, options, path, (store) => {
      found = keys.map((key) => removeKey(store, encodeText(key), options.terminator));
      return found.includes(true);
    });
  });
  return found;
}

function statOrFail(path: string, shown: string): Deno.FileInfo {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch (error) {
    throw new MakeError(`open database ${shown}: ${reasonOf(error)}`);
  }
  if (info.isDirectory) throw new MakeError(`open database ${shown}: Is a directory`);
  return info;
}

function ownerOf(info: Deno.FileInfo): { uid: number; gid: number; mode: number } {
  return { uid: info.uid ?? 0, gid: info.gid ?? 0, mode: info.mode ?? NEW_MODE };
}

/** Tries the key with and without a NUL at its end, as a lookup does. */
function removeKey(store: EntryStore, key: Uint8Array, terminator: MakeOptions["terminator"]): boolean {
  const terminated = new Uint8Array(key.length + 1);
  terminated.set(key);
  if (terminator !== "without" && store.remove(terminated)) return true;
  return terminator !== "with" && store.remove(key);
}

/** Follows symbolic links, so that a link to a table goes on being one. */
function targetPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

/** Runs as the owner of the source if that is not root (postmap(1), `-o`). */
function asOwner(source: Source, options: MakeOptions, work: () => void): void {
  if (Deno.uid() !== 0 || options.keepRoot || source.uid === 0) work();
  else asUser({ uid: source.uid, gid: source.gid, groups: [] }, work);
}

/**
 * Makes the new content with `fill` (which may say that there is nothing to do) and puts it in the old one's place. For an
 * lmdb table that somebody changes meanwhile `fill` is called again.
 */
function replaceTable(
  path: string,
  format: IndexFormat,
  name: string,
  source: Source | undefined,
  options: MakeOptions,
  existing: string | undefined,
  fill: (store: EntryStore, again: boolean) => boolean | void,
): void {
  const writers = existing !== undefined && format.type === "lmdb" ? new LmdbWriters(existing) : undefined;
  let again = false;
  const build = (): EntryStore | undefined => {
    writers?.note();
    const store = emptyStore(format, existing === undefined ? source : undefined);
    if (existing !== undefined) {
      try {
        readExisting(existing, format, store);
      } catch (error) {
        if (error instanceof FileChanged) return build();
        throw error;
      }
    }
    const worth = fill(store, again);
    again = true;
    return worth === false ? undefined : store;
  };
  const write = (file: Deno.FsFile, store: EntryStore) =>
    writeIndexFile(format, file, store, options.lmdbMapSize);
  const shown = name + format.suffix;
  if (existing === undefined) removeEmpty(path, shown, options);
  const how = replaceOptions(path, shown, format, source, options);
  let unlock: (() => void) | undefined;
  try {
    if (existing !== undefined) {
      unlock = lockExisting(existing, `open ${source === undefined ? "database " : ""}${shown}`);
    }
    replaceFile(path, how, build, write, () => writers?.unchanged() ?? true);
  } catch (error) {
    // The directory belongs to somebody else, but the file may be ours: then do as Postfix does.
    unlock?.();
    unlock = undefined;
    const inPlace = error instanceof ReplaceError && format.locking && how.exists;
    if (!inPlace || !attempt(() => rewriteInPlace(path, build, write), format, name)) {
      throw explained(error, format, name);
    }
  } finally {
    unlock?.();
    writers?.release();
  }
}

/** @param source whose bytes are the store's, for a table that is new */
function emptyStore(format: IndexFormat, source: Source | undefined): EntryStore {
  const hash = format.type === "cdb" ? cdbHash : bdbHash;
  return source === undefined
    ? new EntryStore(new Uint8Array(65536), 0, hash)
    : new EntryStore(source.bytes, source.bytes.length, hash);
}

function attempt<T>(work: () => T, format: IndexFormat, name: string): T {
  try {
    return work();
  } catch (error) {
    throw explained(error, format, name);
  }
}

function replaceOptions(
  path: string,
  shown: string,
  format: IndexFormat,
  source: Source | undefined,
  options: MakeOptions,
): ReplaceOptions & { readonly exists: boolean } {
  let old: Deno.FileInfo | undefined;
  try {
    old = Deno.statSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw new MakeError(`open ${path}: ${reasonOf(error)}`);
  }
  if (old?.isDirectory === true) {
    throw new MakeError(`open ${format.type === "lmdb" ? "database " : ""}${shown}: Is a directory`);
  }
  // A cdb file follows its source each time, the others keep what they have.
  if (old !== undefined && (format.type !== "cdb" || source === undefined)) {
    const { uid, gid, mode } = ownerOf(old);
    return { exists: true, mode: mode & 0o7777, owner: { uid, gid } };
  }
  const mode = options.defaultMode || source === undefined ? NEW_MODE : NEW_MODE & ~(~source.mode & 0o077);
  return { exists: false, mode };
}

/** An empty file is no table: making a new one takes it away first. */
function removeEmpty(path: string, shown: string, options: MakeOptions): void {
  try {
    if (Deno.statSync(path).size !== 0) return;
    options.log.warning(`removing zero-length database file: ${shown}`);
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw new MakeError(`open ${path}: ${reasonOf(error)}`);
  }
}

/**
 * Keeps real Postfix's programs from changing the old table while it is read and replaced. Throws `MakeError`, which begins
 * with `attempted`, for a file that can't be opened.
 */
function lockExisting(path: string, attempted: string): (() => void) | undefined {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new MakeError(`${attempted}: ${reasonOf(error)}`);
  }
  file.lockSync(true);
  return () => file.close();
}

function readExisting(path: string, format: IndexFormat, store: EntryStore): void {
  let file: BlockFile;
  try {
    file = new BlockFile(path, 1 << 24, false);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  try {
    for (const { key, value } of format.open(file).entries()) {
      store.addBytes(bytesAt(key), bytesAt(value), "keep");
    }
  } finally {
    file.close();
  }
}

function explained(error: unknown, format: IndexFormat, name: string): unknown {
  if (error instanceof MakeError) return error;
  const path = name + format.suffix;
  if (error instanceof BadFormat) {
    return new MakeError(`open database ${path}: Invalid argument: ${error.message}`);
  }
  if (error instanceof ReplaceError) {
    const shown = format.type === "cdb" ? `${path}.tmp` : path;
    return new MakeError(`open database ${shown}: ${reasonOf(error.cause)}`);
  }
  if (error instanceof RangeError || isSystemError(error)) {
    return new MakeError(`error updating ${format.type}:${name}: ${reasonOf(error)}`);
  }
  return error;
}

/**
 * A key in the form in which it is stored, for `deleteKeys`. Undefined, with a warning, for one that should be UTF-8 and is
 * not.
 * @param table what the warning calls the table
 */
export function storedKey(key: string, options: MakeOptions, table: string): string | undefined {
  if (options.utf8 && !key.isWellFormed()) {
    options.log.warning(`${table}: non-UTF-8 key "${key}": malformed UTF-8 or invalid codepoint`);
    return undefined;
  }
  return options.foldCase ? foldKey(key, options.utf8) : key;
}
