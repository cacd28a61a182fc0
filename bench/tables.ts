/**
 * Lookup tables beside real Postfix, in one run and in turn: making a table of many entries, looking up many keys from
 * standard input, one key in a process of its own; and what a lookup costs inside the daemon.
 *
 *   deno run -A bench/tables.ts [--entries N] [--rounds N]
 *
 * Needs Debian's packages postfix, postfix-cdb and postfix-lmdb. A ratio is Postel's median to Postfix's; of times and memory
 * smaller is better.
 */
import { parseArgs } from "node:util";
import { selfCommand } from "../core/system/mod.ts";
import { TableSet } from "../core/table/mod.ts";
import { type Row, table } from "./table.ts";

const TYPES = ["hash", "btree", "cdb", "lmdb"] as const;
const SUFFIX = { hash: "db", btree: "db", cdb: "cdb", lmdb: "lmdb" } as const;
const POSTFIX = ["/usr/sbin/postmap"];
const KEYS = 100_000;
const MEGABYTE = 1 << 20;

/** The entries in an order that is not theirs, the same in every run. */
function* shuffled(count: number): Generator<number> {
  // A step that shares no factor with the count visits every number once.
  let step = Math.floor(count * 0.618) | 1;
  while (gcd(step, count) !== 1) step += 2;
  for (let at = 0, index = 0; at < count; at++, index = (index + step) % count) yield index;
}

function gcd(one: number, other: number): number {
  return other === 0 ? one : gcd(other, one % other);
}

const keyOf = (index: number) => `user${String(index).padStart(7, "0")}@dom${index % 1000}.example`;

function writeFiles(directory: string, entries: number): void {
  Deno.writeTextFileSync(
    `${directory}/main.cf`,
    "compatibility_level = 3.6\nmyhostname = mail.example.com\nmaillog_file = /dev/stdout\n",
  );
  const source = Deno.openSync(`${directory}/map`, { create: true, write: true });
  const encoder = new TextEncoder();
  let lines = "";
  for (const index of shuffled(entries)) {
    lines += `${keyOf(index)} mailbox${index}@internal.example.com\n`;
    if (lines.length < MEGABYTE) continue;
    writeAll(source, encoder.encode(lines));
    lines = "";
  }
  writeAll(source, encoder.encode(lines));
  source.close();
  const keys: string[] = [];
  for (const index of shuffled(entries)) {
    if (keys.length === KEYS) break;
    keys.push(keyOf(index));
  }
  Deno.writeTextFileSync(`${directory}/keys`, keys.reverse().join("\n") + "\n");
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}

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
async function compare(rounds: number, measure: (command: readonly string[]) => Promise<Cost>) {
  const self = selfCommand("postmap");
  const peers = [POSTFIX, [self.program, ...self.args]] as const;
  const costs: [Cost[], Cost[]] = [[], []];
  for (let round = -1; round < rounds; round++) {
    for (const which of [0, 1] as const) {
      const value = await measure(peers[which]);
      if (round >= 0) costs[which].push(value);
    }
  }
  return costs;
}

/** The rows of the table types; see above. */
export async function tableRows(entries: number, rounds: number): Promise<Row[]> {
  const directory = Deno.makeTempDirSync({ dir: "/var/tmp", prefix: "postel-bench-" });
  const rows: Row[] = [];
  const row = (
    name: string,
    unit: string,
    values: readonly [readonly number[], readonly number[]],
    goal: string,
  ) => rows.push({ name, unit, postfix: values[0], postel: values[1], goal });
  try {
    writeFiles(directory, entries);
    for (const type of TYPES) {
      const name = `${directory}/map.${SUFFIX[type]}`;
      const made = await compare(rounds, (command) => {
        try {
          Deno.removeSync(name);
        } catch (error) {
          if (!(error instanceof Deno.errors.NotFound)) throw error;
        }
        return cost(command, [`${type}:map`], directory);
      });
      const goal = type === "hash" ? "ratio at most 0.5" : "ratio at most 1";
      row(`${type}: make ${entries} entries`, "s", pick(made, ({ seconds }) => seconds), goal);
      row(`${type}: make, memory`, "MB peak", pick(made, ({ megabytes }) => megabytes), "below 1000");
      const asked = await compare(
        rounds,
        (command) => cost(command, ["-q", "-", `${type}:map`], directory, "keys"),
      );
      row(`${type}: ${KEYS} keys from stdin`, "s", pick(asked, ({ seconds }) => seconds), "ratio at most 1");
      const single = await compare(
        rounds,
        (command) => cost(command, ["-q", keyOf(1), `${type}:map`], directory),
      );
      row(`${type}: one key`, "s", pick(single, ({ seconds }) => seconds), "start-up plus 0.005");
      rows.push(...inDaemon(type, directory));
    }
    const start = await compare(rounds, (command) => cost(command, ["-q", "x", "static:x"], directory));
    row("start-up (static:)", "s", pick(start, ({ seconds }) => seconds), "");
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
  return rows;
}

function pick(
  costs: readonly [readonly Cost[], readonly Cost[]],
  of: (cost: Cost) => number,
): [number[], number[]] {
  return [costs[0].map(of), costs[1].map(of)];
}

/** Lookups in this process with the memory that the daemon gives a table. */
function inDaemon(type: string, directory: string): Row[] {
  const keys = Deno.readTextFileSync(`${directory}/keys`).trimEnd().split("\n");
  const heapBefore = Deno.memoryUsage().heapUsed;
  const tables = new TableSet();
  const opened = tables.open(`${type}:${directory}/map`);
  const microseconds: number[] = [];
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    for (const key of keys) {
      if (opened.lookup(key) === undefined) throw new Error(`${key} is missing in the ${type} table`);
    }
    microseconds.push((performance.now() - start) * 1000 / keys.length);
  }
  const few = keys.slice(0, 50);
  const hot: number[] = [];
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    for (let again = 0; again < 1000; again++) for (const key of few) opened.lookup(key);
    hot.push((performance.now() - start) * 1000 / (few.length * 1000));
  }
  const heap = (Deno.memoryUsage().heapUsed - heapBefore) / MEGABYTE;
  tables.close();
  return [
    {
      name: `${type}: lookup in the daemon, all keys`,
      unit: "µs",
      postfix: [],
      postel: microseconds,
      goal: "microseconds",
    },
    {
      name: `${type}: lookup in the daemon, 50 keys`,
      unit: "µs",
      postfix: [],
      postel: hot,
      goal: "microseconds",
    },
    {
      name: `${type}: heap of the open table`,
      unit: "MB more",
      postfix: [],
      postel: [Math.max(0, heap)],
      goal: "none for entries",
    },
  ];
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { entries: { type: "string", default: "1000000" }, rounds: { type: "string", default: "3" } },
  });
  console.log(table(await tableRows(Number(values.entries), Number(values.rounds))));
}
