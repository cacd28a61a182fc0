/**
 * Lookup tables beside real Postfix, in one run and in turn: making a table of many entries, looking up many keys from
 * standard input, listing all entries, one key in a process of its own; and what a lookup costs inside the daemon.
 *
 *   deno task bench tables [--entries 1000000] [--rounds 3] [--types hash,btree,cdb,lmdb] [--program dist/postel] [--write]
 *
 * `--program` measures a compiled or packed program instead of the sources; `--write` puts the table into
 * bench/table-results.md. Needs Debian's packages postfix, postfix-cdb and postfix-lmdb.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { parseArgs } from "node:util";
import { RUNTIME_FLAGS, selfCommand, unlinkFile } from "../core/system/mod.ts";
import { median, type Row, table } from "./table.ts";
import { inDaemon } from "./tables_daemon.ts";
import { type IndexType, keyOf, KEYS, MORE_TIMES, SUFFIX, TYPES, writeFiles } from "./tables_files.ts";

const POSTFIX = ["/usr/sbin/postmap"];

/** How often what takes milliseconds is measured in a round. */
const SHORT_TIMES = 10;

interface Cost {
  readonly seconds: number;
  /** The most that the process had; 0 if nobody looked. */
  readonly megabytes: number;
}

interface Run {
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly directory: string;
  /** A file that is standard input. */
  readonly input?: string;
  /** Looking at a process's memory takes time from it, so only one that runs long is looked at. */
  readonly memory?: boolean;
}

/** Runs a command in the directory. Throws if it fails. */
async function cost({ command, args, directory, input = "/dev/null", memory = false }: Run): Promise<Cost> {
  const [program = "", ...first] = command;
  const stdin = openSync(`${input.startsWith("/") ? "" : `${directory}/`}${input}`, "r");
  try {
    const start = performance.now();
    const child = spawn(program, [...first, ...args], {
      cwd: directory,
      env: { ...Deno.env.toObject(), MAIL_CONFIG: directory },
      stdio: [stdin, "ignore", "inherit"],
    });
    let peak = 0;
    const watch = memory ? setInterval(() => peak = Math.max(peak, peakOf(child.pid!)), 10) : undefined;
    const code = await new Promise((resolve, reject) => {
      child.on("exit", resolve);
      child.on("error", reject);
    });
    const seconds = (performance.now() - start) / 1000;
    clearInterval(watch);
    if (code !== 0) throw new Error(`${program} ${args.join(" ")} failed`);
    return { seconds, megabytes: peak };
  } finally {
    closeSync(stdin);
  }
}

/** The most memory that a process had so far, in megabytes; 0 if it has ended. */
function peakOf(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Measures in turn; the first round does not count. */
async function inTurn(rounds: number, measures: readonly (() => Promise<Cost>)[]): Promise<Cost[][]> {
  const costs: Cost[][] = measures.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (const [index, measure] of measures.entries()) {
      const value = await measure();
      if (round >= 0) costs[index]!.push(value);
    }
  }
  return costs;
}

/** What is measured with. */
interface Plan {
  readonly entries: number;
  readonly rounds: number;
  readonly types: readonly IndexType[];
  /** The command that stands for postmap. */
  readonly ours: readonly string[];
}

/** The rows of all types; `add` gets them as they come. */
async function tableRows(plan: Plan, add: (rows: readonly Row[]) => void): Promise<void> {
  const directory = Deno.makeTempDirSync({ dir: "/var/tmp", prefix: "postel-bench-" });
  try {
    writeFiles(directory, plan.entries);
    Deno.linkSync(`${directory}/map`, `${directory}/postfix-map`);
    Deno.writeTextFileSync(`${directory}/empty.js`, "");
    for (const type of plan.types) {
      add(await toolRows(type, plan, directory));
      add(inDaemon(type, directory));
    }
    add(await startRows(plan, directory));
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** What postmap takes with one type of table. Each program asks the table that it made itself. */
async function toolRows(type: IndexType, { entries, rounds, ours }: Plan, directory: string): Promise<Row[]> {
  const rows: Row[] = [];
  const programs = [[POSTFIX, "postfix-map"], [ours, "map"]] as const;
  const made = await inTurn(
    rounds,
    programs.map(([command, name]) => () => {
      unlinkFile(`${directory}/${name}.${SUFFIX[type]}`);
      return cost({ command, args: [`${type}:${name}`], directory, memory: true });
    }),
  );
  const goal = type === "hash" ? "ratio at most 0.5" : "ratio at most 1";
  rows.push(row(`${type}: make ${entries} entries`, "s", made, seconds, goal));
  rows.push(row(`${type}: make, memory`, "MB peak", made, ({ megabytes }) => megabytes, "Postel below 1000"));
  const ask = (args: readonly string[], input?: string, table?: string) =>
    programs.map(([command, name]) => () =>
      cost({ command, args: [...args, `${type}:${table ?? name}`], directory, ...(input && { input }) })
    );
  const lookUp = async (count: number, input: string, goal: string, table?: string) => {
    const costs = await inTurn(rounds * SHORT_TIMES, ask(["-q", "-"], input, table));
    const where = table === undefined ? "" : ", both in Postel's table";
    rows.push(row(`${type}: ${count} keys from stdin${where}`, "s", costs, seconds, goal));
  };
  await lookUp(KEYS, "keys", "ratio at most 1");
  await lookUp(KEYS, "keys", "", "map");
  if (type === "cdb") await lookUp(KEYS * MORE_TIMES, "more-keys", "");
  rows.push(...await oneKeyRows(type, ask(["-q", keyOf(1)]), rounds, directory));
  if (type !== "cdb") {
    // Real postmap can't list cdb files.
    const listed = await inTurn(rounds, ask(["-s"]));
    rows.push(row(`${type}: list all entries`, "s", listed, seconds, "ratio at most 1"));
  }
  return rows;
}

/** One key in a process of its own, in turn with an empty program. */
async function oneKeyRows(
  type: IndexType,
  asks: readonly (() => Promise<Cost>)[],
  rounds: number,
  directory: string,
): Promise<Row[]> {
  const [postfix = [], postel = [], empty = []] = await inTurn(rounds * SHORT_TIMES, [
    ...asks,
    () => emptyProgram(directory),
  ]);
  const more = postel.map((one, round) => milliseconds(one) - milliseconds(empty[round]!));
  return [
    row(`${type}: one key`, "ms", [postfix, postel], milliseconds, ""),
    {
      name: `${type}: one key, more than an empty program`,
      unit: "ms",
      postfix: [],
      postel: more,
      goal: "at most 5",
    },
  ];
}

/** The runtime with nothing to do. */
function emptyProgram(directory: string): Promise<Cost> {
  const command = [Deno.execPath(), "run", ...RUNTIME_FLAGS, "--no-config", "--no-lock"];
  return cost({ command, args: [`${directory}/empty.js`], directory });
}

/** Start-up: of the runtime with nothing to do, and of the command with a table that is no file. */
async function startRows({ rounds, ours }: Plan, directory: string): Promise<Row[]> {
  const args = ["-q", "x", "static:x"];
  const [postfix = [], postel = [], empty = []] = await inTurn(rounds * SHORT_TIMES, [
    () => cost({ command: POSTFIX, args, directory }),
    () => cost({ command: ours, args, directory }),
    () => emptyProgram(directory),
  ]);
  return [
    row("start of an empty program on the runtime", "ms", [[], empty], milliseconds, ""),
    row("postmap -q x static:x", "ms", [postfix, postel], milliseconds, ""),
  ];
}

/** A row of what Postfix and Postel took. */
function row(
  name: string,
  unit: string,
  [postfix = [], postel = []]: readonly (readonly Cost[])[],
  of: (cost: Cost) => number,
  goal: string,
): Row {
  return { name, unit, postfix: postfix.map(of), postel: postel.map(of), goal };
}

function seconds(cost: Cost): number {
  return cost.seconds;
}

function milliseconds(cost: Cost): number {
  return cost.seconds * 1000;
}

/** From how many keys on a cdb table is asked as fast as Postfix asks it: the two lines that the two lists of keys make. */
function evenKeys(rows: readonly Row[]): string {
  const [few, many] = [KEYS, KEYS * MORE_TIMES]
    .map((count) => rows.find(({ name }) => name === `cdb: ${count} keys from stdin`));
  if (few === undefined || many === undefined) return "";
  const behind = median(few.postel) - median(few.postfix);
  const gained = median(many.postfix) - median(few.postfix) - (median(many.postel) - median(few.postel));
  const keys = Math.round((KEYS + behind / (gained / (KEYS * (MORE_TIMES - 1)))) / 1000) * 1000;
  return `
A cdb table is asked so quickly that the start decides. Between the two lists of keys Postfix needs ${
    ((median(many.postfix) - median(few.postfix)) / KEYS / (MORE_TIMES - 1) * 1e6).toFixed(2)
  } µs for a key more and
Postel ${
    ((median(many.postel) - median(few.postel)) / KEYS / (MORE_TIMES - 1) * 1e6).toFixed(2)
  } µs; from about ${keys} keys on Postel is the faster one.
`;
}

function page(text: string, words: string, rows: readonly Row[]): string {
  return `# Lookup tables

Made by \`deno task bench tables ${words}\`: real postmap (Postfix 3.7.11, Debian) and Postel's with the same sources, in one
run and in turn. Each asks the table that it made itself, except where a row says otherwise: Postfix reads Postel's cdb
files faster than its own. The keys from standard input are a tenth of the table's. Times are from start to end of the
process, so the start-up of the runtime (at the end of the table) is in each of them; one key is asked in turn with an
empty program, and the differences of such pairs are a row of their own. The ratio is Postel's median to Postfix's; of
times and memory smaller is better.

${text}
${evenKeys(rows)}`;
}

/** Measures lookup tables. @returns exit code */
export async function benchTables(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      entries: { type: "string", default: "1000000" },
      rounds: { type: "string", default: "3" },
      types: { type: "string", default: TYPES.join(",") },
      program: { type: "string" },
      write: { type: "boolean" },
    },
  });
  const wanted = values.types.split(",");
  const self = selfCommand("postmap");
  const plan: Plan = {
    entries: Number(values.entries),
    rounds: Number(values.rounds),
    types: TYPES.filter((type) => wanted.includes(type)),
    ours: values.program === undefined
      ? [self.program, ...self.args]
      : [Deno.realPathSync(values.program), "postmap"],
  };
  const rows: Row[] = [];
  await tableRows(plan, (more) => {
    rows.push(...more);
    console.log(table(more).split("\n").slice(2).join("\n"));
    if (values.write) {
      Deno.writeTextFileSync(
        new URL("table-results.md", import.meta.url),
        page(table(rows), args.join(" "), rows),
      );
    }
  });
  return 0;
}

if (import.meta.main) Deno.exit(await benchTables(Deno.args));
