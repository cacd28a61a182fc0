import { QueueFileError } from "../core/queue/mod.ts";
import { getopt, type ParsedOptions, UsageError } from "./getopt.ts";
import { findQueueFile, openInput } from "./postcat_input.ts";
import { queueFileJson } from "./postcat_json.ts";
import { type PostcatOptions, showQueueFile } from "./postcat_show.ts";
import { FatalError, print, runTool, type Tool, usageError } from "./queue_tool.ts";

export const help = `
Usage: postcat [-bdefhjoqrv] [-c config_dir] [-s offset] [file ...]

Shows queue files; without a file, standard input.

  -b         the body
  -c dir     configuration directory
  -d         the decimal type of each record
  -e         the envelope
  -f         the name of the file in front of each line
  -h         the headers
  -j         JSON: one object per file (Postel only)
  -o         the offset of each record
  -q         the arguments are queue ids: look for them in all queues
  -r         records as they stand in the file: pointers are shown and not followed
  -s offset  start there
  -v         the type name of every record
`;

const USAGE = "postcat [-b (body text)] [-c config_dir] [-d (decimal record type)] [-e (envelope records)] " +
  "[-f (file names)] [-h (header text)] [-j (JSON)] [-o (offsets)] [-q (access queue)] [-r (raw)] [-s offset] [-v] [file(s)...]";

function showOptions(parsed: ParsedOptions): PostcatOptions {
  const has = (letter: string) => parsed.options.some((option) => option.letter === letter);
  const all = !has("b") && !has("e") && !has("h");
  const start = parsed.options.findLast(({ letter }) => letter === "s")?.value;
  if (start !== undefined && !/^\d{1,15}$/.test(start)) throw new FatalError(`bad offset: ${start}`);
  return {
    body: all || has("b"),
    envelope: all || has("e"),
    header: all || has("h"),
    decimal: has("d"),
    names: has("f"),
    offsets: has("o"),
    raw: has("r"),
    verbose: has("v"),
    start: start === undefined || Number(start) === 0 ? undefined : Number(start),
  };
}

/** `postcat`. Exit code 0, 1 for any error. */
export async function run(args: string[]): Promise<number> {
  let parsed: ParsedOptions;
  try {
    parsed = getopt(args, "bc:defhjoqrs:v");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return usageError("postcat", error.message, USAGE, 1);
  }
  const directory = parsed.options.findLast(({ letter }) => letter === "c")?.value;
  return await runTool("postcat", 1, directory, (tool) => showAll(tool, parsed), { toMailLog: false });
}

function showAll(tool: Tool, parsed: ParsedOptions): number {
  const options = showOptions(parsed);
  const json = parsed.options.some(({ letter }) => letter === "j");
  const inQueue = parsed.options.some(({ letter }) => letter === "q");
  const names = parsed.operands.length > 0 ? parsed.operands : [undefined];
  for (const name of names) {
    const input = name !== undefined && inQueue ? findQueueFile(tool.config, name) : openInput(name);
    if (input === undefined) {
      tool.log.warning(`close ${name}: Is a directory`);
      continue;
    }
    try {
      if (json) print(queueFileJson(input, options) + "\n");
      else if (!showQueueFile(input, options, (text) => tool.log.warning(text))) return 0;
    } catch (error) {
      if (!(error instanceof QueueFileError)) throw error;
      tool.log.warning(error.message);
      throw new FatalError("record read error");
    } finally {
      input.source.close();
    }
  }
  return 0;
}
