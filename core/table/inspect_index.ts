import { decodeText } from "../bytes/mod.ts";
import { BlockFile, FileBusy, FileChanged } from "./block_file.ts";
import { bytesAt, type IndexFormat, type IndexReader, noPlace } from "./index_reader.ts";
import { fileFacts, type Inspection } from "./inspection.ts";
import { reasonOf } from "../errors/mod.ts";

/** Larger files are read page by page. */
const LARGEST_IN_MEMORY = 1 << 28;
/** How often a file is opened that writers change meanwhile. */
const MOST_TRIES = 100;

/** What postalias(1) adds besides the aliases. */
const ALIAS_MARKS: ReadonlySet<string> = new Set(["YP_LAST_MODIFIED", "YP_MASTER_NAME"]);

/** Entries that were read, perhaps not all. */
interface Counted {
  entries: number;
  /** How many of them stand for the table itself: `YP_LAST_MODIFIED` and its like, which never end with a NUL. */
  marks: number;
  terminated: number;
}

/**
 * Says what stands in an indexed file, or in one that should be one.
 * @param expected what the file should be; none if that is not known
 * @param found what it is by its first bytes, if those tell
 */
export function inspectIndex(
  path: string,
  expected: readonly IndexFormat[],
  found: IndexFormat | undefined,
): Inspection {
  const right = expected.length === 0 || (found !== undefined && expected.includes(found));
  const known = {
    ...fileFacts(path),
    type: right ? found!.type : expected.map(({ type }) => type).join(" or "),
  };
  const source = sourceOf(path, expected);
  const problems: string[] = [];
  const counted: Counted = { entries: 0, marks: 0, terminated: 0 };
  let details: Inspection["details"] = {};
  let damaged = true;
  if (!right) problems.push(whyNot(path, known.size, expected[0]!, found));
  else {
    let file: BlockFile | undefined;
    try {
      const opened = openWhole(path, found!);
      file = opened.file;
      details = opened.reader.describe();
      countEntries(opened.reader, counted, problems);
      const claimed = details.entries ?? counted.entries;
      if (claimed !== counted.entries) {
        problems.push(`the file claims ${claimed} entries and has ${counted.entries}`);
      }
      damaged = problems.length > 0;
    } catch (error) {
      damaged = !(error instanceof FileBusy);
      problems.push(damaged ? reasonOf(error) : "a writer has locked the file");
      if (counted.entries > 0) details = { ...details, "entries read": counted.entries };
    } finally {
      file?.close();
    }
  }
  const { entries, marks, terminated } = counted;
  const complete = details["entries read"] === undefined && (problems.length === 0 || entries > 0);
  return {
    ...known,
    ...(complete ? { entries } : {}),
    ...(entries === marks ? {} : { terminated: terminated * 2 > entries - marks }),
    aliases: marks > 0,
    details,
    ...(source === undefined ? {} : { source }),
    ...rebuild(damaged, known.modified, source?.modified),
    problems,
  };
}

/** Why a file is not of the format that it should be. */
function whyNot(path: string, size: number, expected: IndexFormat, found: IndexFormat | undefined): string {
  if (size === 0) return "the file is empty";
  if (found !== undefined) return `this is ${found.type === "lmdb" ? "an" : "a"} ${found.type} file`;
  if (isText(path)) return "this is a text file";
  try {
    openWhole(path, expected).file.close();
  } catch (error) {
    return reasonOf(error);
  }
  return "the table of contents makes no sense";
}

/** Two characters and more, and nothing that no text has. */
function isText(path: string): boolean {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(4096);
  const beginning = bytes.subarray(0, file.readSync(bytes) ?? 0);
  return beginning.length > 1 && beginning.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
}

function sourceOf(path: string, expected: readonly IndexFormat[]): Inspection["source"] {
  if (expected.length === 0) return undefined;
  const file = path.slice(0, -expected[0]!.suffix.length);
  try {
    const { isFile, mtime } = Deno.statSync(file);
    return isFile && mtime !== null ? { file, modified: mtime } : { file };
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? { file } : undefined;
  }
}

function rebuild(
  damaged: boolean,
  made: Date,
  changed: Date | undefined,
): Pick<Inspection, "rebuildDue" | "rebuildReason"> {
  if (damaged) return { rebuildDue: true, rebuildReason: "the table can't be used as it is" };
  if (changed === undefined) return {};
  if (changed <= made) return { rebuildDue: false };
  return { rebuildDue: true, rebuildReason: "the source is newer than the table" };
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
function countEntries(reader: IndexReader, counted: Counted, problems: string[]): void {
  let lost = 0;
  const place = noPlace();
  for (const entry of reader.entries()) {
    const key = bytesAt(entry.key);
    counted.entries += 1;
    if (key.at(-1) === 0) counted.terminated += 1;
    else if (key.length < 20 && ALIAS_MARKS.has(decodeText(key))) counted.marks += 1;
    if (!reader.locate(key, key.length, place)) lost += 1;
  }
  if (lost > 0) problems.push(`${lost} entries can't be found by their keys`);
}
