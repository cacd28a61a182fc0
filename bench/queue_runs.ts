/** Runs of a queue tool on both mail systems, in turn. */
import type { Peer } from "./peers.ts";
import type { Row } from "./table.ts";

/** What one run of a tool took. */
export interface Run {
  readonly seconds: number;
  /** Milliseconds until the first output. */
  readonly first: number;
  /** Largest resident set in MB. */
  readonly memory: number;
}

/** A mail system and how its tools are called. */
export interface Side {
  readonly peer: Peer;
  tool(name: string, ...args: string[]): readonly string[];
}

function peakMemory(pid: number): number {
  try {
    const kilobytes = /^VmHWM:\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
    return Number(kilobytes ?? 0) / 1024;
  } catch {
    // It has ended; the last look counts.
    return 0;
  }
}

/** Runs a tool and reads all its output. */
export async function run(side: Side, command: readonly string[]): Promise<Run> {
  const [program, ...args] = command;
  const start = performance.now();
  const child = new Deno.Command(program!, {
    args,
    env: { MAIL_CONFIG: `${side.peer.directory}/etc` },
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let memory = 0;
  const timer = setInterval(() => memory = Math.max(memory, peakMemory(child.pid)), 20);
  let first = 0;
  for await (const _ of child.stdout) if (first === 0) first = performance.now() - start;
  const { code } = await child.status;
  clearInterval(timer);
  const seconds = (performance.now() - start) / 1000;
  if (code !== 0) throw new Error(`${command.join(" ")}: exit code ${code}`);
  console.error(`${side.peer.name}: ${args.slice(-2).join(" ")}: ${seconds.toFixed(2)} s`);
  return { seconds, first, memory };
}

/** Runs a tool on both sides, round after round. @param after undoes what it did */
export async function compare(
  sides: readonly Side[],
  rounds: number,
  command: readonly string[],
  after?: (side: Side) => void | Promise<void>,
): Promise<Map<Peer["name"], Run[]>> {
  const results = new Map<Peer["name"], Run[]>(sides.map(({ peer }) => [peer.name, []]));
  for (let round = 0; round < rounds; round++) {
    // Who goes first changes: neither has the warmer machine.
    for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
      const [name, ...args] = command;
      results.get(side.peer.name)!.push(await run(side, side.tool(name!, ...args)));
      await after?.(side);
    }
  }
  return results;
}

/** A row of the result table: one value of each run. */
export function row(
  name: string,
  unit: string,
  goal: string,
  results: ReadonlyMap<Peer["name"], readonly Run[]>,
  of: (run: Run) => number,
): Row {
  const values = (peer: Peer["name"]) => (results.get(peer) ?? []).map(of);
  return { name, unit, postfix: values("Postfix"), postel: values("Postel"), goal };
}

/** For `row`: the time. */
export const seconds = ({ seconds }: Run) => seconds;
