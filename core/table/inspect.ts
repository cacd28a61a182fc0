import { decodeText } from "../bytes/mod.ts";
import { BTREE_MAGIC, HASH_MAGIC } from "./bdb_pages.ts";
import { BadFormat, BlockFile, FileBusy, FileChanged } from "./block_file.ts";
import { CDB_HEADER } from "./cdb_file.ts";
import { indexFormats } from "./index_formats.ts";
import { bytesAt, type IndexFormat, type IndexReader } from "./index_reader.ts";
import { LMDB_MAGIC } from "./lmdb_file.ts";
import { logicalLines } from "./logical_lines.ts";
import { reasonOf } from "../errors/mod.ts";
import { parseSpec } from "./spec.ts";
import { loadedTypes } from "./registry.ts";
import { TableSet } from "./table_set.ts";
import { TableError } from "./types.ts";

/** What a table file is. */
export interface Inspection {
  readonly file: string;
  /** `hash`, `cidr`, `sqlite database`, `text` ... or `unknown`. */
  readonly type: string;
  readonly size: number;
  readonly modified: Date;
  /** Number of entries or rules. */
  readonly entries?: number;
  /** Stored with a NUL behind keys and values? */
  readonly terminated?: boolean;
  /** Made from an aliases file? */
  readonly aliases?: boolean;
  /** Page size, buckets and the like. */
  readonly details: Readonly<Record<string, string | number>>;
  /** The source file, if it is there. */
  readonly source?: { readonly file: string; readonly modified: Date };
  /** The source was changed after the table was made. */
  readonly rebuildDue?: boolean;
  readonly problems: readonly string[];
}

/** Types whose tables are not in files, and what those do. */
const WITHOUT_FILE: ReadonlyMap<string, string> = new Map([
  ["environ", "looks keys up among the variables of the process environment"],
  ["fail", "fails every lookup"],
  ["inline", "has its entries in its name"],
  ["pipemap", "asks the tables in its name one behind the other; look at those"],
  ["randmap", "answers with one of the values in its name, chosen at random"],
  ["socketmap", "asks a server"],
  ["static", "answers every key with the value in its name"],
  ["tcp", "asks a server"],
  ["unionmap", "asks all tables in its name and joins their answers; look at those"],
  ["unix", "asks the system for its users and groups"],
]);
const SERVED: ReadonlySet<string> = new Set(["socketmap", "tcp"]);

const SQLITE_MAGIC = "SQLite format 3\0";

/**
 * Says what stands in a file. `target` is a path (with or without `.db` ...) or a `type:name`. Every entry is read and
 * looked up again. Throws `TableError` if there is no such file.
 */
export function inspectTable(target: string): Inspection {
  const colon = /^([a-z]+):./.exec(target);
  if (colon !== null && !exists(target)) {
    const { type, name } = parseSpec(target);
    const format = indexFormats.get(type);
    if (format !== undefined) return inspectIndex(name + format.suffix, format);
    if (loadedTypes.has(type) && !SERVED.has(type)) return inspectSettings(name, type);
    const how = WITHOUT_FILE.get(type);
    if (how !== undefined) throw new TableError("configuration", `${target} is no file: the table ${how}`);
    // Opening it says what is wrong with a type that is unknown or can't exist here.
    if (!TEXT_TYPES.includes(type)) new TableSet().open(target);
    return inspectText(name, type);
  }
  const { size } = statOf(target);
  const format = recogniseIndex(head(target), size);
  if (format !== undefined) return inspectIndex(target, format);
  if (decodeText(head(target)).startsWith(SQLITE_MAGIC)) {
    return { ...common(target), type: "sqlite database", details: {}, problems: [] };
  }
  return inspectText(target, undefined);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function statOf(path: string): Deno.FileInfo {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch (error) {
    throw new TableError("temporary", `open ${path}: ${reasonOf(error)}`, true);
  }
  // Opening a pipe would wait for somebody to write into it.
  if (info.isFile || info.isDirectory) return info;
  throw new TableError("configuration", `open ${path}: not a regular file`, true);
}

function common(file: string): Pick<Inspection, "file" | "size" | "modified"> {
  const { size, mtime } = statOf(file);
  return { file, size, modified: mtime ?? new Date(0) };
}

function head(path: string): Uint8Array<ArrayBuffer> {
  try {
    using file = Deno.openSync(path);
    const bytes = new Uint8Array(CDB_HEADER);
    return bytes.subarray(0, file.readSync(bytes) ?? 0);
  } catch (error) {
    throw new TableError("temporary", `open ${path}: ${reasonOf(error)}`, true);
  }
}

/** The format by what the file begins with; CDB has no mark, so its table of contents must make sense. */
function recogniseIndex(bytes: Uint8Array<ArrayBuffer>, size: number): IndexFormat | undefined {
  if (bytes.length < 24) return undefined;
  const view = new DataView(bytes.buffer, 0, bytes.length);
  if (view.getUint32(12, true) === HASH_MAGIC) return indexFormats.get("hash");
  if (view.getUint32(12, true) === BTREE_MAGIC) return indexFormats.get("btree");
  if (view.getUint32(16, true) === LMDB_MAGIC) return indexFormats.get("lmdb");
  if (bytes.length < CDB_HEADER) return undefined;
  let expected = view.getUint32(0, true);
  if (expected < CDB_HEADER) return undefined;
  for (let table = 0; table < 256; table++) {
    if (view.getUint32(table * 8, true) !== expected) return undefined;
    expected += view.getUint32(table * 8 + 4, true) * 8;
  }
  return expected === size ? indexFormats.get("cdb") : undefined;
}

/** Larger files are read page by page. */
const LARGEST_IN_MEMORY = 1 << 28;
/** How often a file is opened that writers change meanwhile. */
const MOST_TRIES = 100;

function inspectIndex(path: string, format: IndexFormat): Inspection {
  const known = { ...common(path), type: format.type };
  const problems: string[] = [];
  let details: Readonly<Record<string, string | number>> = {};
  let counted = { entries: 0, terminated: 0, aliases: false };
  let file: BlockFile | undefined;
  try {
    const opened = openWhole(path, format);
    file = opened.file;
    details = opened.reader.describe();
    counted = countEntries(opened.reader, problems);
  } catch (error) {
    if (error instanceof FileBusy) problems.push("a writer has locked the file");
    else if (error instanceof BadFormat || error instanceof FileChanged) problems.push(error.message);
    else problems.push(reasonOf(error));
  } finally {
    file?.close();
  }
  const source = path.endsWith(format.suffix) ? path.slice(0, -format.suffix.length) : undefined;
  const sourceTime = source !== undefined && exists(source) ? statOf(source).mtime : null;
  return {
    ...known,
    entries: counted.entries,
    ...(counted.entries === 0 ? {} : { terminated: counted.terminated * 2 > counted.entries }),
    aliases: counted.aliases,
    details,
    ...(sourceTime === null ? {} : {
      source: { file: source!, modified: sourceTime },
      rebuildDue: sourceTime > known.modified,
    }),
    problems,
  };
}

/** Opens the file and reads it at one go, again if somebody writes to it meanwhile. */
function openWhole(path: string, format: IndexFormat): { file: BlockFile; reader: IndexReader } {
  for (let tries = 1;; tries++) {
    const file = new BlockFile(path, LARGEST_IN_MEMORY, format.locking);
    try {
      const reader = format.open(file);
      file.loadAll();
      return { file, reader };
    } catch (error) {
      file.close();
      if (!(error instanceof FileChanged) || tries === MOST_TRIES) throw error;
    }
  }
}

/** Reads all entries and looks each of them up. */
function countEntries(
  reader: IndexReader,
  problems: string[],
): { entries: number; terminated: number; aliases: boolean } {
  const counted = { entries: 0, terminated: 0, aliases: false };
  let lost = 0;
  const place = { bytes: new Uint8Array(), start: 0, end: 0 };
  for (const entry of reader.entries()) {
    const key = bytesAt(entry.key);
    counted.entries += 1;
    if (key.at(-1) === 0) counted.terminated += 1;
    if (key.length === 16 && decodeText(key) === "YP_LAST_MODIFIED") counted.aliases = true;
    if (!reader.locate(key, key.length, place)) lost += 1;
  }
  if (lost > 0) problems.push(`${lost} entries can't be found by their keys; rebuild the table`);
  return counted;
}

/** Types of text files that can be told apart only by what the administrator calls them. */
const RULE_TYPES = ["cidr", "regexp", "pcre"];
const TEXT_TYPES = ["texthash", ...RULE_TYPES];

/** A file with the parameters of a table that is elsewhere: behind a server, in a database. */
function inspectSettings(path: string, type: string): Inspection {
  if (!/^[/.]/.test(path)) {
    throw new TableError(
      "configuration",
      `${type}:${path} is no file: the table's parameters stand in main.cf and begin with ${path}_`,
    );
  }
  const known = common(path);
  const parameters = logicalLines(decodeText(Deno.readFileSync(path)), () => {}).length;
  return { ...known, type: `${type} settings`, details: { parameters }, problems: [] };
}

function inspectText(path: string, type: string | undefined): Inspection {
  const known = common(path);
  const problems: string[] = [];
  // A source without entries is in order, an index without a single byte is not.
  const isIndex = [...indexFormats.values()].some(({ suffix }) => path.endsWith(suffix));
  if (known.size === 0 && isIndex) problems.push("the file is empty");
  const bytes = Deno.readFileSync(path);
  if (bytes.subarray(0, 4096).includes(0) && type === undefined) {
    return { ...known, type: "unknown", details: {}, problems: ["this is no table that is known here"] };
  }
  const log = { info() {}, warning: (text: string) => void problems.push(text) };
  const spec = `${type ?? "texthash"}:${path}`;
  try {
    const table = new TableSet(undefined, { log }).open(spec);
    // The first lookup reads the file and finds its mistakes.
    table.lookup("0.0.0.0");
    const entries = RULE_TYPES.includes(type ?? "")
      ? logicalLines(decodeText(bytes), () => {}).length
      : [...table.entries!() as Iterable<unknown>].length;
    return { ...known, type: type ?? "text", entries, details: {}, problems };
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    return { ...known, type: type ?? "text", details: {}, problems: [...problems, error.message] };
  }
}
