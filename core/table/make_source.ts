import { decodeText, encodeText } from "../bytes/mod.ts";
import { readAliasSource } from "./alias_source.ts";
import type { EntryStore } from "./entry_store.ts";
import { fileContents } from "./file_contents.ts";
import type { IndexFormat } from "./index_reader.ts";
import { LMDB_LONGEST_KEY } from "./lmdb_file.ts";
import { MakeError, type MakeOptions } from "./make_options.ts";
import { type MapSourceOptions, type MapSourceTarget, readMapSource } from "./map_source.ts";
import { reasonOf } from "../errors/mod.ts";

/** A source that was read: its bytes (with room behind them) and whose it is. */
export interface Source {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly size: number;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** Reads the whole source file; a directory counts as empty. */
export function readSource(name: string): Source {
  try {
    using file = Deno.openSync(name);
    return readAll(file, file.statSync());
  } catch (error) {
    throw new MakeError(`open ${name}: ${reasonOf(error)}`);
  }
}

/** Reads standard input to its end. A pipe belongs to nobody and has the mode of a new table. */
export function readStream(input: typeof Deno.stdin | Deno.FsFile): Source {
  let info: Deno.FileInfo | undefined;
  try {
    info = input === Deno.stdin ? Deno.statSync("/dev/stdin") : (input as Deno.FsFile).statSync();
  } catch {
    // A closed standard input has no owner either.
  }
  return readAll(input, info?.isFile === true ? info : undefined);
}

function readAll(
  input: { readSync(room: Uint8Array): number | null },
  info: Deno.FileInfo | undefined,
): Source {
  const owner = { uid: info?.uid ?? 0, gid: info?.gid ?? 0, mode: info?.mode ?? 0o644 };
  if (info?.isDirectory === true) return { bytes: new Uint8Array(1), size: 0, ...owner };
  let bytes = new Uint8Array(Math.max(info?.size ?? 0, 4096) + 65536);
  let size = 0;
  for (;;) {
    if (bytes.length - size < 4096) {
      const grown = new Uint8Array(bytes.length * 2);
      grown.set(bytes);
      bytes = grown;
    }
    const count = input.readSync(bytes.subarray(size, bytes.length - 1));
    if (count === null) return { bytes, size, ...owner };
    size += count;
  }
}

/** Reads the source into the store, with the warnings that postmap(1) gives. */
export function addSource(
  store: EntryStore,
  source: Source,
  sourceName: string,
  format: IndexFormat,
  name: string,
  options: MakeOptions,
): void {
  const { log } = options;
  const terminated = isTerminated(format, options) ? 1 : 0;
  const shown = format.type === "cdb" ? name : format.type === "lmdb" ? `lmdb:${name}` : name + format.suffix;
  // The source's own bytes are the store's when the table is new; otherwise entries are copied over.
  const shared = store.arena === source.bytes;
  const put = (keyAt: number, keyLength: number, valueAt: number, valueLength: number, from: Uint8Array) => {
    const policy = options.duplicates === "replace" ? "replace" : "keep";
    if (terminated === 1) from[keyAt + keyLength] = from[valueAt + valueLength] = 0;
    const keySize = keyLength + terminated;
    if (format.type === "lmdb" && keySize > LMDB_LONGEST_KEY) {
      throw new MakeError(
        `error updating lmdb:${name}: MDB_BAD_VALSIZE: Unsupported size of key/DB name/data, or wrong DUPFIXED size`,
      );
    }
    const added = shared
      ? store.add(keyAt, keySize, valueAt, valueLength + terminated, policy)
      : store.addBytes(
        from.subarray(keyAt, keyAt + keySize),
        from.subarray(valueAt, valueAt + valueLength + terminated),
        policy,
      );
    if (!added && options.duplicates === "warn") {
      log.warning(`${shown}: duplicate entry: "${decodeText(from.subarray(keyAt, keyAt + keyLength))}"`);
    }
  };
  const target: MapSourceTarget = {
    get bytes() {
      return shared ? store.arena : scratch.bytes;
    },
    append: (bytes) => shared ? store.append(bytes) : scratch.append(bytes),
    entry(keyAt, keyLength, valueAt, valueLength, line) {
      if (!options.fileContents) {
        put(keyAt, keyLength, valueAt, valueLength, this.bytes);
        return;
      }
      const contents = fileContents(decodeText(this.bytes.subarray(valueAt, valueAt + valueLength)));
      if ("problem" in contents) {
        log.warning(`${sourceName}, line ${line}: ${contents.problem}: skipping this entry`);
        return;
      }
      const value = encodeText(`${contents.base64}\0`);
      const at = this.append(value);
      put(keyAt, keyLength, at, value.length - 1, this.bytes);
    },
  };
  const scratch = new Scratch(source);
  const reading: MapSourceOptions = {
    name: sourceName,
    foldCase: options.foldCase,
    utf8: options.utf8,
    ignored: "",
    warn: (text) => log.warning(text),
  };
  (options.aliases ? readAliasSource : readMapSource)(target, source.size, reading);
}

/** A growing array for entries that are on their way into a store with an array of its own. */
class Scratch {
  bytes: Uint8Array<ArrayBuffer>;
  #used: number;

  constructor(source: Source) {
    this.bytes = source.bytes;
    this.#used = source.bytes.length;
  }

  append(added: Uint8Array): number {
    const at = this.#used;
    if (at + added.length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(at + added.length, this.bytes.length * 2));
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.bytes.set(added, at);
    this.#used = at + added.length;
    return at;
  }
}

function isTerminated(format: IndexFormat, options: MakeOptions): boolean {
  return options.terminator === undefined ? format.terminated : options.terminator === "with";
}

/** The entries by which NIS and old sendmail versions recognise an alias table; always the newest ones. */
export function addAliasMarks(store: EntryStore, format: IndexFormat, options: MakeOptions): void {
  const end = isTerminated(format, options) ? "\0" : "";
  const now = String(Math.floor(Date.now() / 1000)).padStart(10, "0");
  store.addBytes(encodeText(`@${end}`), encodeText(`@${end}`), "replace");
  store.addBytes(encodeText("YP_LAST_MODIFIED"), encodeText(now), "replace");
  store.addBytes(encodeText("YP_MASTER_NAME"), encodeText(options.hostname), "replace");
}
