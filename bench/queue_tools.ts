/** What the queue tools take: listings with the daemons up, maintenance with them down. */
import type { Peer } from "./peers.ts";
import { undoRequeue } from "./queue_fill.ts";
import { compare, row, type Run, seconds, type Side } from "./queue_runs.ts";
import type { Row } from "./table.ts";

/** postqueue, as text and as JSON. */
export async function listings(sides: readonly Side[], rounds: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const option of ["-p", "-j"]) {
    const results = await compare(sides, rounds, ["postqueue", option]);
    const name = `postqueue ${option}`;
    rows.push(row(name, "s", "ratio at most 0.5", results, seconds));
    rows.push(row(`${name}: first line`, "ms", "Postel below 200", results, ({ first }) => first));
    rows.push(row(`${name}: memory of the tool`, "MB", "Postel below 300", results, ({ memory }) => memory));
  }
  return rows;
}

/** postsuper with all messages, but for their removal. */
export async function maintenance(sides: readonly Side[], rounds: number): Promise<Row[]> {
  const goal = "ratio at most 1";
  const queue = ({ peer }: Side) => `${peer.directory}/queue`;
  const rows: Row[] = [];
  const hold = new Map<Peer["name"], Run[]>();
  const release = new Map<Peer["name"], Run[]>();
  for (let round = 0; round < rounds; round++) {
    for (const [option, into] of [["-h", hold], ["-H", release]] as const) {
      for (const [name, runs] of await compare(sides, 1, ["postsuper", option, "ALL"])) {
        into.set(name, [...into.get(name) ?? [], ...runs]);
      }
    }
  }
  rows.push(row("postsuper -h ALL", "s", goal, hold, seconds));
  rows.push(row("postsuper -h ALL: memory", "MB", "Postel below 300", hold, ({ memory }) => memory));
  rows.push(row("postsuper -H ALL", "s", goal, release, seconds));
  const requeue = await compare(
    sides,
    rounds,
    ["postsuper", "-r", "ALL"],
    (side) => undoRequeue(queue(side)),
  );
  rows.push(row("postsuper -r ALL", "s", goal, requeue, seconds));
  rows.push(row("postsuper -s", "s", goal, await compare(sides, rounds, ["postsuper", "-s"]), seconds));
  return rows;
}
