import { readSync } from "node:fs";
import { setPriority } from "node:os";
import process from "node:process";
import {
  type ActionCount,
  CHECKED_DIRECTORIES,
  DEFAULT_DIRECTORIES,
  type MaintenanceReport,
  type MessageAction,
  Pace,
  QueueFileError,
  QueueMaintenance,
  queueSettings,
  StructureCheck,
} from "../core/queue/mod.ts";
import { getopt, type GivenOption, type ParsedOptions, UsageError } from "./getopt.ts";
import { becomeMailOwner } from "./queue_owner.ts";
import { FatalError, runTool, type Tool, usageError } from "./queue_tool.ts";

export const help = `
Usage: postsuper [-psSv] [-c config_dir] [-d id] [-e id] [-f id] [-h id] [-H id] [-r id] [directory ...]

Works on queued messages. An id of - reads ids from standard input, ALL means all messages of the queues.

  -d id  delete            -h id  put on hold         -r id  requeue
  -e id  expire            -H id  release from hold   -f id  expire, and release from hold
  -p     remove old unfinished files
  -s     check the directories: files in their place, named after their inode number
  -S     the same, for long queue ids too
  -v     say what is done to every file

Without an action: -s -p on all directories. Directories: ${CHECKED_DIRECTORIES.join(" ")}.
`;

const USAGE = "postsuper [-c config_dir] [-d queue_id (delete)] [-e queue_id (expire)] " +
  "[-f queue_id (expire and/or un-hold)] [-h queue_id (hold)] [-H queue_id (un-hold)] " +
  "[-p (purge temporary files)] [-r queue_id (requeue)] [-s (structure fix)] " +
  "[-S (redundant structure fix)][-v (verbose)] [queue...]";

const ACTIONS: Readonly<Record<string, MessageAction>> = {
  d: "delete",
  e: "expire",
  f: "expire-and-release",
  h: "hold",
  H: "release",
  r: "requeue",
};

/** The totals, in their order, and the options that call for them. */
const TOTALS: readonly (readonly [string, keyof ActionCount, string])[] = [
  ["Requeued", "requeued", "r"],
  ["Deleted", "deleted", "d"],
  ["Force-expired", "expired", "ef"],
  ["Placed on hold", "held", "h"],
  ["Released from hold", "released", "Hf"],
];

const INCOMPLETE = "OPERATION INCOMPLETE -- RERUN COMMAND TO FIX THE QUEUE FIRST";

function messages(count: number): string {
  return `${count} message${count === 1 ? "" : "s"}`;
}

/** Lines of standard input, as they come. */
function* inputLines(): Generator<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65536);
  let rest = "";
  for (;;) {
    const count = readSync(0, buffer);
    if (count === 0) break;
    const lines = (rest + decoder.decode(buffer.subarray(0, count), { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** `postsuper`. Exit code 0, 1 for wrong usage or when a file operation fails. */
export async function run(args: string[]): Promise<number> {
  let parsed: ParsedOptions;
  try {
    parsed = getopt(args, "c:d:e:f:h:H:pr:sSv");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return usageError("postsuper", error.message, USAGE, 1);
  }
  const directory = parsed.options.findLast(({ letter }) => letter === "c")?.value;
  return await runTool("postsuper", 1, directory, (tool) => work(tool, parsed));
}

/** Below everything that handles mail. */
const LOWEST_PRIORITY = 19;

/** Work on whole queues gives way to a mail system that runs; it has no such haste. */
async function paceBeside(tool: Tool): Promise<Pace | undefined> {
  const { config } = tool;
  const { runningMaster } = await import("../daemon/master/pid_file.ts");
  const directory = `${config.string("queue_directory")}/${config.string("process_id_directory")}`;
  if (process.geteuid?.() !== 0 || runningMaster(`${directory}/master.pid`) === undefined) return undefined;
  setPriority(LOWEST_PRIORITY);
  return new Pace();
}

async function work(tool: Tool, parsed: ParsedOptions): Promise<number> {
  const has = (letters: string) => parsed.options.some(({ letter }) => letters.includes(letter));
  const settings = queueSettings(tool.config);
  const known: readonly string[] = CHECKED_DIRECTORIES;
  const bad = parsed.operands.find((name) => !known.includes(name));
  const pace = parsed.options.some(({ value }) => value === "ALL") ? await paceBeside(tool) : undefined;
  becomeMailOwner(tool);
  if (bad !== undefined) throw new FatalError(`invalid directory name: ${bad}`);
  const directories = parsed.operands.length > 0 ? parsed.operands : DEFAULT_DIRECTORIES;
  const report: MaintenanceReport = {
    done: (text) => tool.log.info(text, "queue-maintenance"),
    warning: (text) => tool.log.warning(text),
    detail: has("v") ? (text) => tool.log.info(text) : () => {},
  };
  const nothing = !has("psSdefhHr");
  const check = new StructureCheck(settings, {
    structure: has("sS") || nothing,
    redundant: has("S"),
    purge: has("p") || nothing,
  }, report);
  const maintenance = new QueueMaintenance(settings, report, pace);
  try {
    if (has("psS") || nothing) check.run(directories);
    for (const option of parsed.options) {
      const action = ACTIONS[option.letter];
      if (action !== undefined && option.value === "ALL") {
        maintenance.all(action, directories, parsed.operands);
      }
    }
    const byId = parsed.options.filter(({ letter, value }) => letter in ACTIONS && value !== "ALL");
    if (byId.length > 0 && check.renamed > 0) return namesChanged(tool);
    for (const option of byId) act(maintenance, option, directories);
  } catch (error) {
    if (!(error instanceof QueueFileError)) throw error;
    totals(tool, has, maintenance.count, check.renamed);
    if (check.renamed > 0) tool.log.warning(INCOMPLETE);
    throw new FatalError(error.message);
  } finally {
    maintenance.close();
  }
  totals(tool, has, maintenance.count, check.renamed);
  return 0;
}

/** An id may be another message's by now: nothing is done to it. */
function namesChanged(tool: Tool): number {
  tool.log.error("QUEUE FILE NAMES WERE CHANGED TO MATCH INODE NUMBERS");
  tool.log.fatal("CHECK YOUR QUEUE IDS AND RE-ISSUE THE COMMAND");
  tool.log.warning(INCOMPLETE);
  return 1;
}

function act(maintenance: QueueMaintenance, option: GivenOption, directories: readonly string[]): void {
  const action = ACTIONS[option.letter]!;
  if (option.value === "-") {
    for (const id of inputLines()) maintenance.one(action, id, directories);
  } else {
    maintenance.one(action, option.value, directories);
  }
}

function totals(
  tool: Tool,
  has: (letters: string) => boolean,
  count: ActionCount,
  renamed: number,
): void {
  for (const [label, what, letters] of TOTALS) {
    if (has(letters)) tool.log.info(`${label}: ${messages(count[what])}`);
  }
  if (renamed === 0) return;
  tool.log.info(`Renamed to match inode number: ${messages(renamed)}`);
  tool.log.warning("QUEUE FILE NAMES WERE CHANGED TO MATCH INODE NUMBERS");
}
