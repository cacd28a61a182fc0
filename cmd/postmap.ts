import type { Config } from "../core/config/mod.ts";
import type { TableSet } from "../core/table/mod.ts";
import { loadMaker, MakeError, type MakeOptions, typeAndName } from "../core/table/asking.ts";
import { getopt, type ParsedOptions, UsageError } from "./getopt.ts";
import { FatalError, runTool, type Tool, usageError } from "./queue_tool.ts";
import { ask } from "./postmap_ask.ts";
import { inputLines, tableLog } from "./table_tool.ts";

export const help = `
Usage: postmap [-bfFhijmnNoprsuUvw] [-c config_dir] [-d key] [-q key] [type:]file...
       postalias [-Nfijnoprsuvw] [-c config_dir] [-d key] [-q key] [type:]file...

Makes lookup tables from their source files, or asks and changes tables. The type is that of default_database_type
unless it is given.

  -q KEY   print the value of KEY; with "-" the keys are read from standard input
  -s       print all entries of the first table
  -d KEY   delete KEY from all tables; with "-" the keys are read from standard input
  -j       print answers as JSON, one object a line
  -i       add the entries on standard input to the table
  -r -w    replace existing entries, or keep them without a warning
  -f       do not fold keys to lower case
  -F       values are names of files whose content is stored
  -h -b    with "-q -": look up the headers, the body lines of a message; -m parses MIME
  -n -N    store keys and values without, with a NUL at the end
  -o -p    stay root; do not take the file mode of the source
  -u -U    no UTF-8; UTF-8 checks even with -b and -h
  -c DIR   configuration directory
  -v       say which tables are opened
`;

const MAP_LETTERS = "Nbc:d:fFhijmnopq:rsuUvw";
const ALIAS_LETTERS = "Nc:d:fijnopq:rsuvw";
const MAP_USAGE = "postmap [-bfFhijmnNoprsuUvw] [-c config_dir] [-d key] [-q key] [map_type:]file...";
const ALIAS_USAGE = "postalias [-Nfijnoprsuvw] [-c config_dir] [-d key] [-q key] [map_type:]file...";

/** What the command line asks for. */
interface Request {
  readonly aliases: boolean;
  /** The letters, in the order in which they were last given. */
  readonly given: ReadonlySet<string>;
  readonly query: string | undefined;
  readonly deletion: string | undefined;
  readonly operands: readonly string[];
}

/** `postmap` and `postalias`: exit code 0 on success or when something was found, else 1. */
export async function run(args: string[], name: string): Promise<number> {
  const aliases = name === "postalias";
  const usage = aliases ? ALIAS_USAGE : MAP_USAGE;
  let parsed: ParsedOptions;
  try {
    parsed = getopt(args, aliases ? ALIAS_LETTERS : MAP_LETTERS);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return usageError(name, error.message, usage, 1);
  }
  const directory = parsed.options.findLast(({ letter }) => letter === "c")?.value;
  return await runTool(name, 1, directory, async (tool) => {
    const request = understand(parsed, aliases);
    checkMessageLetters(request, tool);
    if (request.operands.length === 0) {
      if (request.given.has("s")) return 1;
      throw new FatalError(`usage: ${usage}`);
    }
    try {
      return await perform(request, tool);
    } catch (error) {
      if (error instanceof MakeError) throw new FatalError(error.message);
      throw error;
    }
  });
}

function understand(parsed: ParsedOptions, aliases: boolean): Request {
  let query: string | undefined;
  let deletion: string | undefined;
  let sequence = false;
  for (const { letter, value } of parsed.options) {
    const busy = query !== undefined || deletion !== undefined || sequence;
    if (letter === "s") {
      if (query !== undefined || deletion !== undefined) {
        throw new FatalError("specify only one of -s or -q or -d");
      }
      sequence = true;
    } else if (letter === "q" || letter === "d") {
      if (busy) throw new FatalError("specify only one of -s -q or -d");
      if (letter === "q") query = value;
      else deletion = value;
    }
  }
  const given = new Set<string>();
  for (const { letter } of parsed.options) {
    given.delete(letter);
    given.add(letter);
  }
  return { aliases, given, query, deletion, operands: parsed.operands };
}

/** `-h`, `-b` and `-m` are about a message on standard input. */
function checkMessageLetters({ aliases, given, query }: Request, { log }: Tool): void {
  const parts = given.has("b") || given.has("h");
  if (aliases || !(parts || given.has("m"))) return;
  if (query !== "-") throw new FatalError('specify -b -h or -m only with "-q -"');
  if (!parts) log.warning("ignoring -m option without -b or -h");
}

async function perform(request: Request, tool: Tool): Promise<number> {
  const { given } = request;
  // What real postmap says besides, about its libraries, would mean nothing here.
  const verbose = given.has("v");
  if (request.query !== undefined || given.has("s")) {
    if (verbose) sayOpened(request, tool);
    const terminator = terminatorOf(given);
    if (!hasUtf8Default(tool.config)) usesUtf8(request, tool.config);
    return await ask({
      aliases: request.aliases,
      given,
      query: request.query,
      specs: request.operands.map((operand) => typeAndName(operand, tool.config)),
      messageParts: !request.aliases && (given.has("b") || given.has("h")),
      flags: {
        foldCase: !given.has("f"),
        get utf8() {
          return usesUtf8(request, tool.config);
        },
        refuseSubstitution: false,
        fileContents: given.has("F"),
      },
      terminator,
    }, tool);
  }
  const { makeTable } = await loadMaker();
  const options = makeOptions(request, tool);
  if (request.deletion !== undefined) {
    if (verbose) sayOpened(request, tool);
    const keys = request.deletion === "-" ? [...inputLines()].flat() : [request.deletion];
    return await remove(keys, request.operands, options, tool) ? 0 : 1;
  }
  for (const operand of request.operands) {
    const { type, name } = typeAndName(operand, tool.config);
    if (verbose) tool.log.info(`open ${type} ${name}`);
    makeTable(type, name, options, given.has("i") ? Deno.stdin : undefined);
  }
  return 0;
}

/** `-v`: names the tables that are asked or changed. */
function sayOpened(request: Request, tool: Tool): void {
  for (const operand of request.operands) {
    const { type, name } = typeAndName(operand, tool.config);
    tool.log.info(`dict_open: ${type}:${name}`);
  }
}

/** Deletes the keys from all tables. Was any of them there? */
async function remove(
  keys: readonly string[],
  operands: readonly string[],
  options: MakeOptions,
  tool: Tool,
): Promise<boolean> {
  const { removeFrom } = await loadMaker();
  const { foldCase, utf8 } = options;
  // Made for a table that is not in an indexed file, which few are.
  let tables: TableSet | undefined;
  let found = false;
  try {
    for (const operand of operands) {
      const { type, name } = typeAndName(operand, tool.config);
      const open = async () => {
        const { TableSet } = await import("../core/table/mod.ts");
        tables ??= new TableSet(tool.config, { log: options.log });
        return tables.open(`${type}:${name}`, { foldCase, utf8 });
      };
      if (await removeFrom(type, name, keys, options, open)) found = true;
    }
  } finally {
    tables?.close();
  }
  return found;
}

function makeOptions(request: Request, tool: Tool): MakeOptions {
  const { given } = request;
  const terminator = terminatorOf(given);
  return {
    aliases: request.aliases,
    foldCase: !given.has("f"),
    utf8: usesUtf8(request, tool.config),
    ...(terminator === undefined ? {} : { terminator }),
    duplicates: duplicatesOf(given),
    fileContents: given.has("F"),
    keepRoot: given.has("o"),
    defaultMode: given.has("p"),
    lmdbMapSize: tool.config.int("lmdb_map_size"),
    hostname: request.aliases ? tool.config.string("myhostname") : "",
    log: tableLog(tool),
  };
}

function terminatorOf(given: ReadonlySet<string>): "with" | "without" | undefined {
  const letter = lastOf(given, "Nn");
  return letter === undefined ? undefined : letter === "N" ? "with" : "without";
}

function duplicatesOf(given: ReadonlySet<string>): MakeOptions["duplicates"] {
  const letter = lastOf(given, "rw");
  return letter === undefined ? "warn" : letter === "r" ? "replace" : "ignore";
}

/** The one of these letters that was given last: it has undone the others. */
function lastOf(given: ReadonlySet<string>, letters: string): string | undefined {
  return [...given].findLast((letter) => letters.includes(letter));
}

/**
 * Has smtputf8_enable its default, with nothing wrong in what that is made of? Then it can wait until a key or a value is not
 * ASCII, which saves most commands the reading of the parameter table; otherwise a mistake in it ends the command.
 */
function hasUtf8Default(config: Config): boolean {
  return !config.isSet("smtputf8_enable") && config.isSet("compatibility_level") &&
    /^\d+(\.\d+){0,2}$/.test(config.raw("compatibility_level") ?? "");
}

/** Looking up parts of a message turns the UTF-8 checks off, unless `-U` asks for them. */
function usesUtf8(request: Request, config: Config): boolean {
  const { given } = request;
  if (given.has("u") || !config.bool("smtputf8_enable")) return false;
  return given.has("U") || !(given.has("b") || given.has("h"));
}
