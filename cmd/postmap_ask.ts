/** The questions of postmap(1) and postalias(1): one key, keys on standard input, all entries. */
import { ByteBuffer, decodeText } from "../core/bytes/mod.ts";
import { mapFile } from "../core/system/commands.ts";
import {
  type AnswerForm,
  BulkLookup,
  fatalQuery,
  type IndexSettings,
  labelOf,
  openIndexed,
  type Place,
  TableQuery,
} from "../core/table/asking.ts";
import { printBytes, type Tool } from "./queue_tool.ts";
import { inputLines, inputPieces, jsonLine, Output, tableLog } from "./table_tool.ts";

/** What is asked. */
export interface Question {
  readonly aliases: boolean;
  /** Letters on the command line. */
  readonly given: ReadonlySet<string>;
  /** A key, `-` for standard input, undefined for all entries. */
  readonly query: string | undefined;
  readonly specs: readonly { readonly type: string; readonly name: string }[];
  /** Standard input is a message whose parts are the keys (`-h`, `-b`). */
  readonly messageParts: boolean;
  readonly flags: IndexSettings["flags"];
  readonly terminator: "with" | "without" | undefined;
}

/** Most bytes of an index file kept in memory: one lookup needs few pages, many lookups soon need all. */
const CACHE_FOR_ONE = 1 << 20;
const CACHE_FOR_MANY = 256 << 20;

/** So much output is written at a time. */
const OUTPUT_PIECE = 1 << 18;

type IndexedFile = NonNullable<ReturnType<typeof openIndexed>>;

/** Exit code 0 when something was found, else 1; all entries are always found. Throws `MakeError`. */
export async function ask(question: Question, tool: Tool): Promise<number> {
  const { query, given, specs } = question;
  const log = tableLog(tool);
  const settings: IndexSettings = {
    flags: question.flags,
    log,
    terminator: question.terminator,
    cacheBytes: query === undefined || query === "-" ? CACHE_FOR_MANY : CACHE_FOR_ONE,
    // A file that is listed is read from one end to the other; only lookups profit from a mapping.
    ...(query === "-" ? { map: mapFile } : {}),
  };
  const indexed = specs.map(({ type, name }) => openIndexed(type, name, settings));
  const others = indexed.includes(undefined) ? await openOthers(question, tool, settings) : undefined;
  const asking = new TableQuery(specs.map(({ type, name }) => `${type}:${name}`), {
    open: (spec) => {
      const index = specs.findIndex(({ type, name }) => spec === `${type}:${name}`);
      return indexed[index]?.table ?? others!.open(spec, question.flags);
    },
    log,
    fileContents: given.has("F"),
  });
  const first = given.has("F") ? undefined : indexed[0];
  if (query === undefined) {
    if (first !== undefined && !given.has("j")) return listFile(first, asking, question);
    return await list(asking, question);
  }
  if (query !== "-") return await askOne(query, asking, question);
  if (question.messageParts) {
    const { messageKeys } = await import("./postmap_message.ts");
    return await askMany(messageKeys(tool.config, given), asking, question);
  }
  if (first !== undefined && specs.length === 1) return await askFile(first, asking, question);
  return await askMany(inputLines(), asking, question);
}

async function openOthers(question: Question, tool: Tool, { log, cacheBytes }: IndexSettings) {
  const { TableSet } = await import("../core/table/mod.ts");
  const { terminator } = question;
  return new TableSet(tool.config, { log, cacheBytes, ...(terminator === undefined ? {} : { terminator }) });
}

function separator({ aliases }: Question): string {
  return aliases ? ":\t" : "\t";
}

function lineMaker(question: Question): (key: string, value: string) => string {
  if (question.given.has("j")) return jsonLine;
  const between = separator(question);
  return (key, value) => `${key}${between}${value}\n`;
}

async function askOne(key: string, asking: TableQuery, { given }: Question): Promise<number> {
  const value = await asking.first(key);
  if (value === undefined) return 1;
  const output = new Output();
  output.add(given.has("j") ? jsonLine(key, value) : `${value}\n`);
  output.flush();
  return 0;
}

/** Any tables, through text. */
async function askMany(
  pieces: Iterable<readonly string[]>,
  asking: TableQuery,
  question: Question,
): Promise<number> {
  const line = lineMaker(question);
  const output = new Output();
  let found = false;
  for (const keys of pieces) {
    for (const key of keys) {
      const answer = asking.firstNow(key, labelOf);
      const value = answer instanceof Promise ? await answer : answer;
      if (value === undefined) continue;
      found = true;
      output.add(line(key, value));
    }
    output.flush();
    if (!output.open) break;
  }
  return found ? 0 : 1;
}

/** One indexed file: plain keys from bytes to bytes, the others through text. */
async function askFile(
  { table, file }: IndexedFile,
  asking: TableQuery,
  question: Question,
): Promise<number> {
  const line = lineMaker(question);
  const form: AnswerForm = question.given.has("j")
    ? { before: '{"', between: '": "', after: '"}\n', json: true }
    : { before: "", between: separator(question), after: "\n", json: false };
  const bulk = new BulkLookup(file, question.flags.foldCase, form);
  let found = false;
  for (const piece of inputPieces()) {
    for (let position = 0; position < piece.length;) {
      let progress;
      try {
        progress = await bulk.answer(piece, position, piece.length);
      } catch (error) {
        throw fatalQuery(table, error);
      }
      found ||= progress.found;
      if (bulk.output.length > 0 && !printBytes(bulk.output)) return found ? 0 : 1;
      position = progress.position;
      if (position === piece.length) break;
      const end = piece.indexOf(NEWLINE, position);
      // A key ends at a NUL, as every text does that a C program reads.
      const key = decodeText(piece.subarray(position, end)).split("\0", 1)[0]!;
      const value = await asking.firstNow(key, labelOf);
      position = end + 1;
      if (value === undefined) continue;
      found = true;
      const output = new Output();
      output.add(line(key, value));
      output.flush();
      if (!output.open) return 0;
    }
  }
  return found ? 0 : 1;
}

const NEWLINE = 0x0a;

async function list(asking: TableQuery, question: Question): Promise<number> {
  const line = lineMaker(question);
  const output = new Output();
  for await (const [key, value] of asking.entries()) {
    output.add(line(key, value));
    if (!output.open) break;
  }
  output.flush();
  return 0;
}

/** All entries of an indexed file; text is made only of what there is something to say about. */
function listFile({ table, file }: IndexedFile, asking: TableQuery, question: Question): number {
  const between = separator(question);
  const output = new ByteBuffer(OUTPUT_PIECE + 4096);
  try {
    for (const { key, value } of file.rawEntries()) {
      const keyEnd = endOf(key);
      const valueEnd = endOf(value);
      if (keyEnd === key.start || valueEnd === value.start) {
        asking.entry(
          decodeText(key.bytes.subarray(key.start, keyEnd)),
          decodeText(value.bytes.subarray(value.start, valueEnd)),
        );
      }
      output.appendRange(key.bytes, key.start, keyEnd);
      output.appendAscii(between);
      output.appendRange(value.bytes, value.start, valueEnd);
      output.appendByte(NEWLINE);
      if (output.length < OUTPUT_PIECE) continue;
      if (!printBytes(output.view())) return 0;
      output.clear(OUTPUT_PIECE * 2);
    }
  } catch (error) {
    throw fatalQuery(table, error);
  } finally {
    printBytes(output.view());
  }
  return 0;
}

/** Where a stored key or value ends: at its first NUL. */
function endOf({ bytes, start, end }: Place): number {
  for (let at = start; at < end; at++) if (bytes[at] === 0) return at;
  return end;
}
