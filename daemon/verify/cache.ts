import { type Journal, openJournal } from "../../core/journal/mod.ts";
import type { Config } from "../../core/config/types.ts";
import type { Logger } from "../../core/log/mod.ts";
import { parseSpec, TableError, type TableSet } from "../../core/table/mod.ts";
import { AddressStatus } from "./types.ts";

/** What is remembered of an address; times in seconds since the epoch, 0 for never. */
export interface CachedAddress {
  readonly status: AddressStatus;
  /** When a probe was sent that has not come back. */
  readonly probed: number;
  /** When the last probe came back. */
  readonly updated: number;
  readonly text: string;
}

/** Entries whose key begins like this are about the cache itself. */
const CLEANUP_KEY = "_LAST_CACHE_CLEANUP_COMPLETED_";

/** Table types that have a file, beside which the cache's own is put. */
const FILE_TYPES = new Set(["btree", "hash", "lmdb", "cdb", "dbm", "sdbm"]);
/** Kinds of index files that Postfix makes for them. */
const INDEX_SUFFIXES = [".db", ".lmdb", ".cdb"];

/** Remembered addresses, in memory and in a file. Keys and values are as in Postfix's own caches. */
export class AddressCache {
  /** `btree:/var/lib/postfix/verify_cache`, for the log; `internal:verify` is a cache without a file. */
  readonly name: string;
  readonly #entries: Pick<Journal, "get" | "set" | "delete" | "entries" | "close">;

  /** Throws what the operating system says if the file can't be used. */
  constructor(config: Config, log: Logger, tables: TableSet | undefined) {
    this.name = config.string("address_verify_map").trim() || "internal:verify";
    const path = journalPath(this.name, config, log);
    if (path === undefined) {
      this.#entries = volatile();
      return;
    }
    const journal = openJournal(path, { warn: (text) => log.warning(text) });
    this.#entries = journal;
    if (!journal.existed && tables !== undefined) importOld(this.name, journal, tables, log);
  }

  get(address: string): CachedAddress | undefined {
    const text = this.#entries.get(address);
    return text === undefined ? undefined : parseEntry(text);
  }

  set(address: string, { status, probed, updated, text }: CachedAddress): void {
    this.#entries.set(address, `${status}:${Math.floor(probed)}:${Math.floor(updated)}:${text}`);
  }

  delete(address: string): void {
    this.#entries.delete(address);
  }

  /** Removes what `isExpired` says and what makes no sense. */
  clean(isExpired: (entry: CachedAddress) => boolean, now: number): { retained: number; dropped: number } {
    let retained = 0;
    let dropped = 0;
    for (const [key, text] of this.#entries.entries()) {
      if (key === CLEANUP_KEY) continue;
      const entry = parseEntry(text);
      if (entry !== undefined && !isExpired(entry)) {
        retained += 1;
      } else {
        this.#entries.delete(key);
        dropped += 1;
      }
    }
    this.#entries.set(CLEANUP_KEY, String(Math.floor(now)));
    return { retained, dropped };
  }

  /** When `clean` was last called, in any life of the cache; 0 for never. */
  get cleaned(): number {
    return Number(this.#entries.get(CLEANUP_KEY) ?? 0);
  }

  close(): void {
    this.#entries.close();
  }
}

function parseEntry(text: string): CachedAddress | undefined {
  const match = /^([0-3]):(\d{1,15}):(\d{1,15}):(.*)$/s.exec(text);
  if (match === null) return undefined;
  return {
    status: Number(match[1]) as AddressStatus,
    probed: Number(match[2]),
    updated: Number(match[3]),
    text: match[4]!,
  };
}

/** Without a map, answers last as long as the process. */
function volatile(): Pick<Journal, "get" | "set" | "delete" | "entries" | "close"> {
  const entries = new Map<string, string>();
  return {
    get: (key) => entries.get(key),
    set: (key, value) => void entries.set(key, value),
    delete: (key) => void entries.delete(key),
    entries: () => entries.entries(),
    close: () => {},
  };
}

function fileOf(name: string): string | undefined {
  const spec = parseSpec(name.replace(/^proxy:/, ""));
  return FILE_TYPES.has(spec.type) ? spec.name : undefined;
}

/** Where the cache's own file is; undefined if there is to be none. */
function journalPath(name: string, config: Config, log: Logger): string | undefined {
  if (name.startsWith("internal:")) return undefined;
  const file = fileOf(name);
  if (file !== undefined) return `${file}.journal`;
  const path = `${config.string("data_directory")}/verify_cache.journal`;
  log.warning(
    `address_verify_map = ${name}: tables of this type can't be written; the cache is in ${path} instead`,
  );
  return path;
}

/** Takes over what a cache of Postfix knows, the first time. */
function importOld(name: string, journal: Journal, tables: TableSet, log: Logger): void {
  const file = fileOf(name);
  if (file === undefined || !INDEX_SUFFIXES.some((suffix) => exists(file + suffix))) return;
  try {
    const entries = tables.open(name.replace(/^proxy:/, "")).entries?.();
    if (entries === undefined || !(Symbol.iterator in entries)) return;
    for (const [key, value] of entries) {
      if (parseEntry(value) !== undefined) journal.set(key, value);
    }
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    log.warning(`${name}: the old cache can't be read: ${error.message}`);
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
