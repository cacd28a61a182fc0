/**
 * Lookup tables beside real Postfix, in one run and in turn: making a table of many entries, looking up many keys from
 * standard input, listing all entries, one key in a process of its own; and what a lookup costs inside the daemon.
 *
 *   deno task bench tables [--entries 1000000] [--rounds 3] [--types hash,btree,cdb,lmdb] [--program dist/postel] [--write]
 *
 * `--program` measures a compiled or packed program instead of the sources; `--write` puts the table into
 * bench/table-results.md. Needs Debian's packages postfix, postfix-cdb and postfix-lmdb.
 */
import { parseArgs } from "node:util";
import { RUNTIME_FLAGS, selfCommand } from "../core/system/mod.ts";
import { median, type Row, table } from "./table.ts";
import { inDaemon } from "./tables_daemon.ts";
import { type IndexType, keyOf, KEYS, MORE_TIMES, SUFFIX, TYPES, writeFiles } from "./tables_files.ts";

const POSTFIX = ["/usr/sbin/postmap"];

interface Cost {
  readonly seconds: number;
  readonly megabytes: number;
}

/** Runs a command in the directory; standard input from a file if one is named. */
async function cost(
  command: readonly string[],
  args: readonly string[],
  directory: string,
  input = "/dev/null",
): Promise<Cost> {
  const start = performance.now();
  const child = new Deno.Command("sh", {
    args: ["-c", `exec "$@" < ${input} > /dev/null`, "sh", ...command, ...args],
    cwd: directory,
    env: { MAIL_CONFIG: directory },
  }).spawn();
  let peak = 0;
  const watch = setInterval(() => {
    try {
      const status = Deno.readTextFileSync(`/proc/${child.pid}/status`);
      peak = Math.max(peak, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0));
    } catch {
      // It has ended; the last value stands.
    }
  }, 10);
  const { success } = await child.status;
  clearInterval(watch);
  if (!success) throw new Error(`${command.at(-1)} ${args.join(" ")} failed`);
  return { seconds: (performance.now() - start) / 1000, megabytes: peak / 1024 };
}

/** Measures both programs in turn; the first round does not count. */
async function compare(
  ours: readonly string[],
  rounds: number,
  measure: (command: readonly string[]) => Promise<Cost>,
) {
  const peers = [POSTFIX, ours] as const;
  const costs: [Cost[], Cost[]] = [[], []];
  for (let round = -1; round < rounds; round++) {
    for (const which of [0, 1] as const) {
      const value = await measure(peers[which]);
      if (round >= 0) costs[which].push(value);
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
    for (const type of plan.types) {
      add(await toolRows(type, plan, directory));
      add(inDaemon(type, directory));
    }
    add(await startRows(plan, directory));
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** What postmap takes with one type of table. */
async function toolRows(type: IndexType, { entries, rounds, ours }: Plan, directory: string): Promise<Row[]> {
  const rows: Row[] = [];
  const row = (
    name: string,
    unit: string,
    values: readonly [readonly number[], readonly number[]],
    goal: string,
  ) => rows.push({ name: `${type}: ${name}`, unit, postfix: values[0], postel: values[1], goal });
  const measure = (args: readonly string[], input: string | undefined, times: number) =>
    compare(ours, rounds * times, (command) => cost(command, args, directory, input));
  const seconds = async (name: string, goal: string, args: readonly string[], input?: string, times = 1) => {
    row(name, "s", pick(await measure(args, input, times), (one) => one.seconds), goal);
  };
  const name = `${directory}/map.${SUFFIX[type]}`;
  const made = await compare(ours, rounds, (command) => {
    try {
      Deno.removeSync(name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return cost(command, [`${type}:map`], directory);
  });
  const goal = type === "hash" ? "ratio at most 0.5" : "ratio at most 1";
  row(`make ${entries} entries`, "s", pick(made, (one) => one.seconds), goal);
  row("make, memory", "MB peak", pick(made, ({ megabytes }) => megabytes), "Postel below 1000");
  await seconds(`${KEYS} keys from stdin`, "ratio at most 1", ["-q", "-", `${type}:map`], "keys", 3);
  if (type === "cdb") {
    await seconds(`${KEYS * MORE_TIMES} keys from stdin`, "", ["-q", "-", `${type}:map`], "more-keys", 3);
  }
  const single = await measure(["-q", keyOf(1), `${type}:map`], undefined, 5);
  row("one key", "ms", pick(single, milliseconds), "start-up plus 5");
  // Real postmap can't list cdb files.
  if (type !== "cdb") await seconds("list all entries", "ratio at most 1", ["-s", `${type}:map`]);
  return rows;
}

/** Start-up: of the runtime with nothing to do, and of the command with a table that is no file. */
async function startRows({ rounds, ours }: Plan, directory: string): Promise<Row[]> {
  Deno.writeTextFileSync(`${directory}/empty.js`, "");
  const bare = [
    Deno.execPath(),
    "run",
    ...RUNTIME_FLAGS,
    "--no-config",
    "--no-lock",
    `${directory}/empty.js`,
  ];
  const empty = await compare(
    bare,
    rounds * 5,
    (command) => command === bare ? cost(command, [], directory) : cost(["true"], [], directory),
  );
  const start = await compare(
    ours,
    rounds * 5,
    (command) => cost(command, ["-q", "x", "static:x"], directory),
  );
  const row = (name: string, postfix: readonly number[], postel: readonly number[]): Row => ({
    name,
    unit: "ms",
    postfix,
    postel,
    goal: "",
  });
  const [, bareTimes] = pick(empty, milliseconds);
  return [
    row("start of an empty program on the runtime", [], bareTimes),
    row("postmap -q x static:x", ...pick(start, milliseconds)),
  ];
}

function milliseconds({ seconds }: Cost): number {
  return seconds * 1000;
}

function pick(
  costs: readonly [readonly Cost[], readonly Cost[]],
  of: (cost: Cost) => number,
): [number[], number[]] {
  return [costs[0].map(of), costs[1].map(of)];
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
run and in turn. The keys from standard input are a tenth of the table's. Times are from start to end of the process, so
the start-up of the runtime (at the end of the table) is in each of them. The ratio is Postel's median to Postfix's; of times
and memory smaller is better.

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
