/** What a lookup costs inside the daemon, in time, memory and opened files. */
import { TableSet } from "../core/table/mod.ts";
import type { Row } from "./table.ts";
import type { IndexType } from "./tables_files.ts";

const MEGABYTE = 1 << 20;

/** Lookups in this process with the memory that the daemon gives a table. */
export function inDaemon(type: IndexType, directory: string): Row[] {
  const keys = Deno.readTextFileSync(`${directory}/keys`).trimEnd().split("\n");
  const before = Deno.memoryUsage();
  const tables = new TableSet();
  const opened = tables.open(`${type}:${directory}/map`);
  opened.lookup(keys[0]!);
  let opens = 0;
  const { openSync } = Deno;
  Deno.openSync = (...args) => {
    opens += 1;
    return openSync(...args);
  };
  const all = timed(5, keys, 1, (key) => {
    if (opened.lookup(key) === undefined) throw new Error(`${key} is missing in the ${type} table`);
  });
  const few = timed(5, keys.slice(0, 50), 1000, (key) => opened.lookup(key));
  Deno.openSync = openSync;
  const after = Deno.memoryUsage();
  tables.close();
  const row = (name: string, unit: string, postel: readonly number[], goal: string): Row => ({
    name: `${type}: in the daemon, ${name}`,
    unit,
    postfix: [],
    postel,
    goal,
  });
  return [
    row(`${keys.length} keys`, "µs a lookup", all, "microseconds"),
    row("50 keys again and again", "µs a lookup", few, "microseconds"),
    row("files opened by the lookups", "", [opens], "none"),
    row(
      "heap, garbage included",
      "MB more",
      [Math.max(0, after.heapUsed - before.heapUsed) / MEGABYTE],
      "none for entries",
    ),
    row("outside the heap", "MB more", [Math.max(0, after.external - before.external) / MEGABYTE], "1"),
  ];
}

/** Microseconds that one call takes, for each round. */
function timed(
  rounds: number,
  keys: readonly string[],
  repeat: number,
  work: (key: string) => void,
): number[] {
  return Array.from({ length: rounds }, () => {
    const start = performance.now();
    for (let again = 0; again < repeat; again++) for (const key of keys) work(key);
    return (performance.now() - start) * 1000 / (keys.length * repeat);
  });
}
