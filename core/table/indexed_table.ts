import { encodeText } from "../bytes/mod.ts";
import { BadFormat, BlockFile, FileBusy, FileChanged } from "./block_file.ts";
import type { IndexContext } from "./context.ts";
import {
  type EntryPlace,
  type GroupLookup,
  type IndexFormat,
  indexLabel,
  type IndexReader,
  type Place,
} from "./index_reader.ts";
import { messageOf, reasonOf } from "../errors/mod.ts";
import { pause } from "./pause.ts";
import { storedText } from "./stored_text.ts";
import { type MaybePromise, type Table, TableError } from "./types.ts";
import { CHECK_INTERVAL } from "./watched_file.ts";

/** How often a lookup starts over because the file keeps changing. */
const MOST_RETRIES = 100;
/** How long to wait between looks at a file that is being rewritten, in milliseconds. */
const BUSY_WAIT = 10;
/** How long a lookup waits for a writer before it gives up, in milliseconds. */
const BUSY_LIMIT = 60_000;

/** A source changed less than this long ago is perhaps about to be built, in milliseconds. */
const RECENT = 100_000;

/** Is a NUL stored behind keys? Unknown until the first hit tells, unless the caller says. */
export type Terminator = "unknown" | "with" | "without";

/**
 * A table in an indexed file. The file stays open; it is looked at once a second at the most, and a rebuilt one is taken
 * up between two lookups. While the new one can't be opened, the old one goes on answering.
 */
export class IndexedTable implements Table {
  readonly matchesPatterns = false;
  readonly path: string;
  #file: BlockFile | undefined;
  #reader: IndexReader | undefined;
  #checked = 0;
  #key = new Uint8Array(512);
  #terminator: Terminator;
  readonly #place: Place = { bytes: this.#key, start: 0, end: 0 };

  constructor(private readonly context: IndexContext, private readonly format: IndexFormat) {
    this.path = context.name + format.suffix;
    this.#terminator = context.terminator ?? "unknown";
  }

  get type(): string {
    return this.context.type;
  }

  get name(): string {
    return this.context.name;
  }

  get label(): string {
    return indexLabel(this.format, this.name);
  }

  lookup(key: string): MaybePromise<string | undefined> {
    try {
      return this.#now(key);
    } catch (error) {
      if (error instanceof FileBusy) return this.#later(() => this.#now(key));
      throw error;
    }
  }

  /**
   * Runs `work`, which asks for many keys with `locateKey`, on one state of the file. It is started over if the file changes
   * meanwhile. Throws (or rejects with) `TableError`.
   */
  batch<T>(work: () => T): MaybePromise<T> {
    try {
      return this.#together(work);
    } catch (error) {
      if (error instanceof FileBusy) return this.#later(() => this.#together(work));
      throw error;
    }
  }

  #together<T>(work: () => T): T {
    for (let retry = 0;; retry++) {
      this.#current();
      try {
        return this.#file!.together(work);
      } catch (error) {
        if (error instanceof BadFormat) throw this.#damaged(error);
        if (!(error instanceof FileChanged)) throw error;
        if (retry >= MOST_RETRIES) throw new FileBusy(this.path);
        this.close();
      }
    }
  }

  /** For the work of `batch`: looks up a key with a NUL behind its `length` octets; `place` says where the value is. */
  locateKey(key: Uint8Array, length: number, place: Place): boolean {
    const reader = this.#reader!;
    if (this.#terminator !== "without" && reader.locate(key, length + 1, place)) {
      this.#terminator = "with";
      return true;
    }
    if (this.#terminator !== "with" && reader.locate(key, length, place)) {
      this.#terminator = "without";
      return true;
    }
    return false;
  }

  /** For the work of `batch`: how many keys are looked up at a time, once the first hit has told that there are no NULs. */
  get group(): GroupLookup | undefined {
    return this.#terminator === "without" ? this.#reader?.group : undefined;
  }

  *entries(): Iterable<readonly [string, string]> {
    for (const { key, value } of this.rawEntries()) {
      yield [storedText(key.bytes, key.start, key.end), storedText(value.bytes, value.start, value.end)];
    }
  }

  /**
   * Where all keys and values are as they are stored: the same object each time, valid until the next. Of a file that fits
   * into the memory for it they are of one state, for which a writer is waited for; of another one `TableError` says that it
   * was changed before the end.
   */
  *rawEntries(): Iterable<EntryPlace> {
    try {
      yield* this.#loaded().entries();
    } catch (error) {
      if (error instanceof BadFormat) throw this.#damaged(error);
      if (!(error instanceof FileChanged || error instanceof FileBusy)) throw error;
      throw new TableError("temporary", `table ${this.label}: a writer changed the file while it was read`);
    }
  }

  #loaded(): IndexReader {
    const end = performance.now() + BUSY_LIMIT;
    for (;;) {
      try {
        const reader = this.#current();
        this.#file!.loadAll();
        return reader;
      } catch (error) {
        if (!(error instanceof FileChanged || error instanceof FileBusy)) throw error;
        if (performance.now() > end) throw error;
        if (error instanceof FileBusy) pause(BUSY_WAIT);
        else this.close();
      }
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = this.#reader = undefined;
  }

  #now(key: string): string | undefined {
    for (let retry = 0;; retry++) {
      this.#current();
      try {
        const place = this.#place;
        const found = this.locateKey(this.#key, this.#encode(key), place);
        return found ? storedText(place.bytes, place.start, place.end) : undefined;
      } catch (error) {
        if (error instanceof BadFormat) throw this.#damaged(error);
        if (!(error instanceof FileChanged)) throw error;
        if (retry >= MOST_RETRIES) throw new FileBusy(this.path);
        this.close();
      }
    }
  }

  async #later<T>(work: () => T): Promise<T> {
    const end = performance.now() + BUSY_LIMIT;
    for (;;) {
      await new Promise((resume) => setTimeout(resume, BUSY_WAIT));
      try {
        return work();
      } catch (error) {
        if (!(error instanceof FileBusy)) throw error;
        if (performance.now() > end) {
          throw new TableError("temporary", `${this.type}:${this.name}: ${this.path} is locked by a writer`);
        }
      }
    }
  }

  /** The key's octets with a NUL behind them, in a buffer that is used again; the number of octets without it. */
  #encode(key: string): number {
    const { length } = key;
    if (length < this.#key.length) {
      let at = 0;
      for (; at < length; at++) {
        const code = key.charCodeAt(at);
        if (code > 0x7f) break;
        this.#key[at] = code;
      }
      if (at === length) {
        this.#key[length] = 0;
        return length;
      }
    }
    const bytes = encodeText(key);
    if (bytes.length >= this.#key.length) this.#key = new Uint8Array(bytes.length * 2);
    this.#key.set(bytes);
    this.#key[bytes.length] = 0;
    return bytes.length;
  }

  #current(): IndexReader {
    const now = performance.now();
    if (this.#reader !== undefined && this.#file !== undefined) {
      if (now - this.#checked < CHECK_INTERVAL) return this.#reader;
      this.#checked = now;
      if (!this.#replaced(this.#file)) return this.#reader;
    }
    try {
      const { file, reader } = this.#openFile();
      this.#file?.close();
      this.#file = file;
      this.#reader = reader;
      this.#terminator = this.context.terminator ?? "unknown";
      this.#checked = now;
      return reader;
    } catch (error) {
      if (error instanceof FileBusy) throw error;
      if (this.#reader === undefined) throw error;
      this.context.log.warning(`${messageOf(error)}; the old table stays in use`);
      return this.#reader;
    }
  }

  #replaced(file: BlockFile): boolean {
    try {
      return !file.current;
    } catch {
      return true;
    }
  }

  /** Opens the file, again if a writer came between; throws `FileBusy` if one always does. */
  #openFile(): { file: BlockFile; reader: IndexReader } {
    for (let retry = 0; retry < MOST_RETRIES; retry++) {
      try {
        return this.#openOnce();
      } catch (error) {
        if (!(error instanceof FileChanged)) throw error;
      }
    }
    throw new FileBusy(this.path);
  }

  #openOnce(): { file: BlockFile; reader: IndexReader } {
    let file: BlockFile | undefined;
    try {
      file = new BlockFile(this.path, this.context.cacheBytes, this.format.locking, this.context.map);
      const reader = this.format.open(file);
      this.#warnIfOlder();
      return { file, reader };
    } catch (error) {
      file?.close();
      if (error instanceof FileBusy || error instanceof FileChanged) throw error;
      if (error instanceof BadFormat) throw this.#damaged(error);
      const reason = `open database ${this.path}: ${reasonOf(error)}`;
      if (error instanceof Deno.errors.PermissionDenied) this.context.denied?.(reason);
      throw new TableError("temporary", reason, true);
    }
  }

  /** Says that the source was changed and the table was not rebuilt; a change of the last moment may still be. */
  #warnIfOlder(): void {
    const { name, log } = this.context;
    const changed = modified(name);
    if (changed > modified(this.path) && changed < Date.now() - RECENT) {
      log.warning(`database ${this.path} is older than source file ${name}`);
    }
  }

  #damaged(error: BadFormat): TableError {
    return new TableError(
      "temporary",
      `open database ${this.path}: Invalid argument: ${error.message}`,
      true,
    );
  }
}

/** Time of the last change in milliseconds, 0 if there is no such file. */
function modified(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch {
    return 0;
  }
}
