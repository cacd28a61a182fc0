import { decodeText } from "../bytes/mod.ts";
import { BTREE_MAGIC, HASH_MAGIC } from "./bdb_pages.ts";
import { CDB_HEADER } from "./cdb_file.ts";
import { indexFormats } from "./index_formats.ts";
import type { IndexFormat } from "./index_reader.ts";
import { inspectIndex } from "./inspect_index.ts";
import { inspectSettings, inspectText, TEXT_TYPES } from "./inspect_text.ts";
import { fileFacts, type Inspection, requireFile } from "./inspection.ts";
import { LMDB_MAGIC } from "./lmdb_file.ts";
import { reasonOf } from "../errors/mod.ts";
import { parseSpec } from "./spec.ts";
import { loadedTypes } from "./registry.ts";
import { TableSet } from "./table_set.ts";
import { TableError } from "./types.ts";

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
 * Says what stands in a file. `target` is a path or a `type:name`; of a path the suffix tells what the file should be.
 * Every entry is read and looked up again. Throws `TableError` if there is no such file or it may not be read.
 */
export function inspectTable(target: string): Inspection {
  const colon = /^([a-z]+):./.exec(target);
  if (colon !== null && !exists(target)) {
    const { type, name } = parseSpec(target);
    const format = indexFormats.get(type);
    if (format !== undefined) return inspectPath(name + format.suffix, [format]);
    if (loadedTypes.has(type) && !SERVED.has(type)) return inspectSettings(name, type);
    const how = WITHOUT_FILE.get(type);
    if (how !== undefined) throw new TableError("configuration", `${target} is no file: the table ${how}`);
    // Opening it says what is wrong with a type that is unknown or can't exist here.
    if (!TEXT_TYPES.includes(type)) new TableSet().open(target);
    return inspectText(name, type);
  }
  const ofSuffix = [...indexFormats.values()].filter(({ suffix }) => target.endsWith(suffix));
  return inspectPath(target, ofSuffix);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** @param expected what the file should be; none for a path without a suffix that tells */
function inspectPath(path: string, expected: readonly IndexFormat[]): Inspection {
  const { size } = requireFile(path);
  const bytes = head(path);
  if (expected.length !== 1 && decodeText(bytes).startsWith(SQLITE_MAGIC)) {
    return { ...fileFacts(path), type: "sqlite database", details: {}, problems: [] };
  }
  const found = recogniseIndex(bytes, size);
  if (found === undefined && expected.length === 0) return inspectText(path, undefined);
  return inspectIndex(path, expected, found);
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
  return isWholeCdb(bytes, size) ? indexFormats.get("cdb") : undefined;
}

/**
 * Does a table of contents describe a whole file, as all makers write it: the hash tables one behind the other, the last
 * up to the end of the file?
 * @param header the first bytes of the file
 */
function isWholeCdb(header: Uint8Array<ArrayBuffer>, size: number): boolean {
  if (header.length < CDB_HEADER) return false;
  const toc = new DataView(header.buffer, header.byteOffset, CDB_HEADER);
  let expected = toc.getUint32(0, true);
  if (expected < CDB_HEADER) return false;
  for (let table = 0; table < 256; table++) {
    if (toc.getUint32(table * 8, true) !== expected) return false;
    expected += toc.getUint32(table * 8 + 4, true) * 8;
  }
  return expected === size;
}
