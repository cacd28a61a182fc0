import { decodeText } from "../bytes/mod.ts";
import { readAliasSource } from "./alias_source.ts";
import { EntryStore } from "./entry_store.ts";
import { bdbHash } from "./hash_file.ts";
import { indexFormats } from "./index_formats.ts";
import { fileFacts, type Inspection, readWhole } from "./inspection.ts";
import { logicalLines } from "./logical_lines.ts";
import { TableSet } from "./table_set.ts";
import { TableError } from "./types.ts";

/** Types of text files that can be told apart only by what the administrator calls them. */
const RULE_TYPES = ["cidr", "regexp", "pcre"];
export const TEXT_TYPES = ["texthash", ...RULE_TYPES];

/** A NUL among so many octets says that a file of unknown type is no text. */
const BEGINNING = 4096;

/** What every line of a file with regexp or pcre rules begins with. */
const RULE = /^(!?\/|(if|endif)\b)/i;

/** Says what stands in a text file: one of a type that the administrator names, or the source of a table. */
export function inspectText(path: string, type: string | undefined): Inspection {
  const bytes = readWhole(path);
  const known = { ...fileFacts(path), type: type ?? "text", details: {} };
  const nul = bytes.indexOf(0);
  if (nul >= 0) {
    if (type === undefined && nul < BEGINNING) {
      return { ...known, type: "unknown", problems: ["this is no table that is known here"] };
    }
    const line = decodeText(bytes.subarray(0, nul)).split("\n").length;
    return { ...known, problems: [`line ${line} has a NUL: this is no text file`] };
  }
  if (RULE_TYPES.includes(type ?? "")) {
    return { ...known, entries: lineCount(bytes), problems: openAndAsk(`${type}:${path}`).problems };
  }
  const read = openAndAsk(`texthash:${path}`);
  if (type !== undefined) return { ...known, ...read };
  const details = tablesMadeFrom(path, known.modified);
  if (read.problems.length > 0) {
    const lines = logicalLines(decodeText(bytes), () => {});
    if (lines.every(({ text }) => RULE.test(text))) {
      return { ...known, type: "regexp or pcre rules", entries: lines.length, details, problems: [] };
    }
    const aliases = readAliases(path, bytes);
    if (aliases.problems.length < read.problems.length) {
      return { ...known, type: "aliases text", ...aliases, details };
    }
  }
  return { ...known, ...read, details };
}

function lineCount(bytes: Uint8Array): number {
  return logicalLines(decodeText(bytes), () => {}).length;
}

/** Opens a text table and asks it, which reads the file and finds its mistakes; entries are counted where there are any. */
function openAndAsk(spec: string): { entries?: number; problems: string[] } {
  const problems: string[] = [];
  const log = { info() {}, warning: (text: string) => void problems.push(text) };
  try {
    const table = new TableSet(undefined, { log }).open(spec);
    table.lookup("0.0.0.0");
    if (table.type !== "texthash") return { problems };
    return { entries: [...table.entries!() as Iterable<unknown>].length, problems };
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    return { problems: [...problems, error.message] };
  }
}

/** Reads a file in the form of aliases(5). */
function readAliases(path: string, bytes: Uint8Array<ArrayBuffer>): { entries: number; problems: string[] } {
  const problems: string[] = [];
  let entries = 0;
  const store = new EntryStore(new Uint8Array(bytes.length + 1), bytes.length, bdbHash);
  store.arena.set(bytes);
  const target = {
    get bytes() {
      return store.arena;
    },
    append: (added: Uint8Array) => store.append(added),
    entry: () => void (entries += 1),
  };
  const warn = (text: string) => void problems.push(text);
  readAliasSource(target, bytes.length, { name: path, foldCase: true, utf8: true, ignored: "", warn });
  return { entries, problems };
}

/** The tables beside a source, and whether they are older than it. */
function tablesMadeFrom(path: string, changed: Date): Inspection["details"] {
  const made: Record<string, string> = {};
  for (const suffix of new Set([...indexFormats.values()].map((format) => format.suffix))) {
    try {
      const { mtime } = Deno.statSync(path + suffix);
      made[`${suffix} table`] = mtime !== null && mtime < changed
        ? "older than this: rebuild due"
        : "not older than this";
    } catch {
      // There is no such table.
    }
  }
  return made;
}

/** A file with the parameters of a table that is elsewhere: behind a server, in a database. */
export function inspectSettings(path: string, type: string): Inspection {
  if (!/^[/.]/.test(path)) {
    throw new TableError(
      "configuration",
      `${type}:${path} is no file: the table's parameters stand in main.cf and begin with ${path}_`,
    );
  }
  const parameters = lineCount(readWhole(path));
  return { ...fileFacts(path), type: `${type} settings`, details: { parameters }, problems: [] };
}
