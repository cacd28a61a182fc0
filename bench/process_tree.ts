/** What a process and all its descendants cost, from /proc (Linux). */

export interface TreeUsage {
  /** CPU seconds of the living and of the children they have waited for. */
  readonly cpuSeconds: number;
  /** Proportional set size in bytes. */
  readonly pss: number;
  readonly processes: number;
}

const TICKS_PER_SECOND = 100;

interface Stat {
  readonly parent: number;
  readonly ticks: number;
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The name in parentheses may hold blanks.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
    return { parent: Number(fields[1]), ticks };
  } catch {
    return undefined;
  }
}

function pssOf(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** The name in `--role=NAME` of a process's command line; empty if there is none. */
function roleOf(pid: number): string {
  try {
    return /--role=(\w+)/.exec(Deno.readTextFileSync(`/proc/${pid}/cmdline`))?.[1] ?? "";
  } catch {
    return "";
  }
}

/** CPU seconds of each child of `root` that runs a role of Postel, by role. */
export function roleUsage(root: number): Map<string, number> {
  const usage = new Map<string, number>();
  for (const entry of Deno.readDirSync("/proc")) {
    const pid = Number(entry.name);
    const stat = Number.isInteger(pid) ? statOf(pid) : undefined;
    if (stat?.parent !== root) continue;
    const role = roleOf(pid);
    if (role !== "") usage.set(role, (usage.get(role) ?? 0) + stat.ticks / TICKS_PER_SECOND);
  }
  return usage;
}

/** Usage of `root` and everything below it; `withMemory` costs time, leave it off inside a measured run. */
export function treeUsage(root: number, withMemory: boolean): TreeUsage {
  const stats = new Map<number, Stat>();
  for (const entry of Deno.readDirSync("/proc")) {
    const pid = Number(entry.name);
    if (!Number.isInteger(pid)) continue;
    const stat = statOf(pid);
    if (stat !== undefined) stats.set(pid, stat);
  }
  const members = new Set([root]);
  for (let grew = true; grew;) {
    grew = false;
    for (const [pid, { parent }] of stats) {
      if (members.has(parent) && !members.has(pid)) {
        members.add(pid);
        grew = true;
      }
    }
  }
  let ticks = 0;
  let pss = 0;
  for (const pid of members) {
    ticks += stats.get(pid)?.ticks ?? 0;
    if (withMemory) pss += pssOf(pid);
  }
  return { cpuSeconds: ticks / TICKS_PER_SECOND, pss, processes: members.size };
}
