import type { Logger } from "../../core/log/mod.ts";
import {
  type MaybePromise,
  parseSpec,
  splitList,
  type Table,
  TableError,
  type TableSet,
} from "../../core/table/mod.ts";
import { parseNetwork } from "./network.ts";

/** Who is in a list: for each subject the keys by which tables are asked, most specific first. */
export interface Subject {
  readonly keys: readonly string[];
  /** The client's address, for networks. */
  readonly address?: string;
  /** What entries of lists are compared with: a host name, or a mail address. */
  readonly text: string;
}

/** Decides by one entry of a list. */
type Entry = (subject: Subject) => boolean;

/** What entries of a list mean. */
export interface EntryKind {
  /** Undefined if the text can't be an entry. */
  read(text: string): Entry | undefined;
}

/** `postel_greylist_allow_clients`, `postel_greylist_allow_recipients`: entries, files of entries, tables. */
export class AllowList {
  readonly #entries: Entry[] = [];
  readonly #tables: Table[] = [];
  readonly #files: { readonly path: string; seen: string; entries: readonly Entry[] }[] = [];

  /** Throws `TableError` for a table that can't be opened. */
  constructor(
    value: string,
    private readonly kind: EntryKind,
    tables: TableSet,
    private readonly log: Logger,
    private readonly name: string,
  ) {
    for (const word of splitList(value)) {
      if (word.startsWith("/") && !/^\/.*\/$/.test(word)) {
        this.#files.push({ path: word, seen: "", entries: [] });
      } else if (isTable(word)) {
        this.#tables.push(tables.open(word));
      } else {
        const entry = this.#entry(word, name);
        if (entry !== undefined) this.#entries.push(entry);
      }
    }
  }

  /** Throws (or rejects with) `TableError` when a table can't answer. */
  has(subject: Subject): MaybePromise<boolean> {
    if (this.#entries.some((entry) => entry(subject))) return true;
    if (this.#files.some((file) => this.#current(file).some((entry) => entry(subject)))) return true;
    return this.#tables.length === 0 ? false : this.#inTables(subject);
  }

  async #inTables(subject: Subject): Promise<boolean> {
    for (const table of this.#tables) {
      // Patterns are not tried on parts of names and addresses.
      const whole = subject.address === undefined ? [subject.text] : [subject.text, subject.address];
      for (const key of table.matchesPatterns ? whole : subject.keys) {
        const value = await table.lookup(key);
        if (value !== undefined) return value.trim().toUpperCase() !== "DUNNO";
      }
    }
    return false;
  }

  /** The entries of a file; it is read again when it has changed. */
  #current(file: { readonly path: string; seen: string; entries: readonly Entry[] }): readonly Entry[] {
    try {
      const { mtime, size, ino } = Deno.statSync(file.path);
      const seen = `${mtime?.getTime()} ${size} ${ino}`;
      if (seen === file.seen) return file.entries;
      file.seen = seen;
      file.entries = this.#read(file.path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) {
        throw error;
      }
      if (file.seen !== "missing") this.log.warning(`${this.name}: ${error.message}`);
      file.seen = "missing";
      file.entries = [];
    }
    return file.entries;
  }

  /** One entry a line; `#` begins a comment, as in postgrey's files. */
  #read(path: string): Entry[] {
    const entries: Entry[] = [];
    for (const [index, line] of Deno.readTextFileSync(path).split("\n").entries()) {
      const text = line.replace(/#.*$/, "").trim();
      const entry = text === "" ? undefined : this.#entry(text, `${path}, line ${index + 1}`);
      if (entry !== undefined) entries.push(entry);
    }
    return entries;
  }

  #entry(text: string, place: string): Entry | undefined {
    const pattern = /^\/(\S+)\/$/.exec(text);
    if (pattern !== null) {
      try {
        const expression = new RegExp(pattern[1]!, "i");
        return (subject) => expression.test(subject.text);
      } catch {
        this.log.warning(`${place}: bad regular expression "${text}"`);
        return undefined;
      }
    }
    const entry = /\s/.test(text) ? undefined : this.kind.read(text.toLowerCase());
    if (entry === undefined) this.log.warning(`${place}: "${text}" makes no sense here; it is ignored`);
    return entry;
  }
}

function isTable(word: string): boolean {
  try {
    // An IPv6 address has colons too.
    return parseNetwork(word) === undefined && word.includes(":") && parseSpec(word).name !== "";
  } catch (error) {
    if (error instanceof TableError) return false;
    throw error;
  }
}

/** Host names with the names below them, addresses, networks. */
export const CLIENTS: EntryKind = {
  read(text) {
    const network = parseNetwork(text);
    if (network !== undefined) return ({ address }) => address !== undefined && network(address);
    const name = text.replace(/^\./, "");
    return (subject) => {
      const host = subject.text.toLowerCase();
      return host === name || host.endsWith(`.${name}`);
    };
  },
};

/** `user@domain` and `user@`, with extensions too; a domain and those below it. */
export const RECIPIENTS: EntryKind = {
  read(text) {
    const at = text.lastIndexOf("@");
    if (at === 0) return undefined;
    if (at < 0) {
      return ({ text: address }) => {
        const lower = address.toLowerCase();
        return lower.endsWith(`@${text}`) || lower.endsWith(`.${text}`);
      };
    }
    const user = text.slice(0, at);
    const domain = text.slice(at + 1);
    return ({ text: address }) => {
      const lower = address.toLowerCase();
      const split = lower.lastIndexOf("@");
      const local = split < 0 ? lower : lower.slice(0, split);
      const matches = local === user || local.startsWith(`${user}+`);
      return matches && (domain === "" || lower.slice(split + 1) === domain);
    };
  },
};
