import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { decodeText, encodeText } from "../bytes/mod.ts";
import { messageOf } from "../errors/mod.ts";

export interface JournalOptions {
  /** Takes what goes wrong with the file; the table in memory goes on. */
  readonly warn: (text: string) => void;
  /** Seconds after a change until the file is synced to the disk; default 2. */
  readonly syncDelay?: number;
}

/** A table with a file. One process at a time may have it open. */
export interface Journal {
  readonly path: string;
  /** Did the file exist when it was opened? */
  readonly existed: boolean;
  readonly size: number;
  get(key: string): string | undefined;
  set(key: string, value: string): void;
  delete(key: string): void;
  entries(): IterableIterator<[string, string]>;
  /** Writes what is pending. */
  flush(): void;
  /** Writes, syncs and closes. */
  close(): void;
}

/** The file is written anew when it has this many lines more than twice its entries. */
const WASTE = 1000;
const HEADER = "postel-journal 1\n";

/**
 * Opens a table, or makes an empty one. Throws what the operating system says if the file exists and can't be read or
 * can't be made.
 */
export function openJournal(path: string, options: JournalOptions): Journal {
  return new FileJournal(path, options);
}

/** One change as a line: checksum, `+key TAB value` or `-key`. */
function lineOf(change: string): string {
  return `${crc32(encodeText(change)).toString(16).padStart(8, "0")} ${change}\n`;
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
const UNESCAPES: Readonly<Record<string, string>> = { "\\": "\\", t: "\t", n: "\n", r: "\r" };

function escaped(text: string): string {
  return text.replace(/[\\\t\n\r]/g, (character) => ESCAPES[character]!);
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, letter: string) => UNESCAPES[letter] ?? letter);
}

/** What root writes into the mail system's directory is the mail system's, which may run as its own user next time. */
function giveToOwnerOfDirectory(path: string): void {
  if (Deno.uid() !== 0) return;
  const { uid, gid } = Deno.statSync(dirname(path));
  if (uid !== null && gid !== null) Deno.chownSync(path, uid, gid);
}

class FileJournal implements Journal {
  readonly existed: boolean;
  readonly #entries = new Map<string, string>();
  readonly #warn: (text: string) => void;
  readonly #syncDelay: number;
  #file: Deno.FsFile | undefined;
  #lines = 0;
  #pending = "";
  #scheduled = false;
  #syncTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(readonly path: string, options: JournalOptions) {
    this.#warn = options.warn;
    this.#syncDelay = options.syncDelay ?? 2;
    const text = this.#read();
    this.existed = text !== undefined;
    const whole = text !== undefined && this.#replay(text);
    if (whole && !this.#isWasteful()) {
      this.#file = Deno.openSync(path, { append: true });
    } else {
      this.#rewrite();
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): string | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: string): void {
    this.#entries.set(key, value);
    this.#append(`+${escaped(key)}\t${escaped(value)}`);
  }

  delete(key: string): void {
    if (this.#entries.delete(key)) this.#append(`-${escaped(key)}`);
  }

  entries(): IterableIterator<[string, string]> {
    return this.#entries.entries();
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#pending === "") return;
    const bytes = encodeText(this.#pending);
    this.#pending = "";
    try {
      if (this.#file === undefined || this.#isWasteful()) return this.#rewrite();
      for (let rest = bytes; rest.length > 0;) rest = rest.subarray(this.#file.writeSync(rest));
      this.#syncSoon();
    } catch (error) {
      // A part of a line may have been written: the file is made anew with the next change.
      this.#abandon();
      this.#warn(`${this.path}: ${messageOf(error)}`);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    clearTimeout(this.#syncTimer);
    try {
      this.#file?.syncDataSync();
    } catch (error) {
      this.#warn(`${this.path}: ${messageOf(error)}`);
    }
    this.#abandon();
  }

  #read(): string | undefined {
    try {
      return decodeText(Deno.readFileSync(this.path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /** Does again what the file says; false if a part of it makes no sense. */
  #replay(text: string): boolean {
    let whole = text.startsWith(HEADER) && text.endsWith("\n");
    for (const line of text.split("\n")) {
      if (line === "" || line + "\n" === HEADER) continue;
      const change = line.slice(9);
      if (lineOf(change) !== line + "\n") {
        whole = false;
        continue;
      }
      this.#lines += 1;
      const tab = change.indexOf("\t");
      if (change.startsWith("+") && tab > 0) {
        this.#entries.set(unescaped(change.slice(1, tab)), unescaped(change.slice(tab + 1)));
      } else if (change.startsWith("-")) {
        this.#entries.delete(unescaped(change.slice(1)));
      } else {
        whole = false;
      }
    }
    return whole;
  }

  #append(change: string): void {
    if (this.#closed) return;
    this.#pending += lineOf(change);
    this.#lines += 1;
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.flush());
  }

  #isWasteful(): boolean {
    return this.#lines > this.#entries.size * 2 + WASTE;
  }

  /** Writes the entries into a new file and puts it in place of the old one. */
  #rewrite(): void {
    this.#abandon();
    const beside = `${this.path}.new`;
    const file = Deno.openSync(beside, { write: true, create: true, truncate: true, mode: 0o600 });
    try {
      let text = HEADER;
      const write = () => {
        for (let rest = encodeText(text); rest.length > 0;) rest = rest.subarray(file.writeSync(rest));
        text = "";
      };
      for (const [key, value] of this.#entries) {
        text += lineOf(`+${escaped(key)}\t${escaped(value)}`);
        if (text.length > 1 << 16) write();
      }
      write();
      file.syncDataSync();
      giveToOwnerOfDirectory(beside);
      Deno.renameSync(beside, this.path);
    } catch (error) {
      file.close();
      throw error;
    }
    this.#file = file;
    this.#lines = this.#entries.size;
  }

  #abandon(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #syncSoon(): void {
    if (this.#syncTimer !== undefined) return;
    this.#syncTimer = setTimeout(() => {
      this.#syncTimer = undefined;
      this.#file?.syncData().catch((error) => {
        // Closed meanwhile, and synced for that.
        if (!(error instanceof Deno.errors.BadResource)) this.#warn(`${this.path}: ${messageOf(error)}`);
      });
    }, this.#syncDelay * 1000);
    Deno.unrefTimer(this.#syncTimer);
  }
}
