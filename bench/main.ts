/**
 * Postel beside real Postfix: the same loads through both in one run, interleaved, with minimum, median and maximum of
 * each and the ratio. Needs root and Debian's postfix package (the peer, smtp-source and smtp-sink).
 *
 *   deno task bench [--rounds N] [--rows NAME,NAME] [--directory DIR] [--write]
 *
 * Both spools are in a new directory below DIR, /var/tmp by default. `--write` puts the table into bench/results.md, or
 * with a directory into bench/results-elsewhere.md. `deno task bench queue` measures the queue tools instead
 * (bench/queue.ts), `deno task bench tables` lookup tables (bench/tables.ts).
 */
import { parseArgs } from "node:util";
import { selfCommand } from "../core/system/mod.ts";
import { bothPeers, type Peer } from "./peers.ts";
import { idleConnections, startUp } from "./other_rows.ts";
import { treeUsage } from "./process_tree.ts";
import { type Load, relay, type RelayResult } from "./relay.ts";
import { isRoot, scratchDirectory, startSink } from "./scratch.ts";
import { type Row, table } from "./table.ts";

const LOADS: readonly Load[] = [
  { name: "4 KB, 20 sessions", messages: 3000, sessions: 20, size: 4096, recipients: 1, goal: 3 },
  { name: "4 KB, 1 session", messages: 600, sessions: 1, size: 4096, recipients: 1, goal: 1 },
  { name: "4 KB, 100 sessions", messages: 3000, sessions: 100, size: 4096, recipients: 1, goal: 3 },
  { name: "200 KB, 20 sessions", messages: 600, sessions: 20, size: 200_000, recipients: 1, goal: 2 },
  { name: "1 message, 1,000 recipients", messages: 1, sessions: 1, size: 4096, recipients: 1000, goal: 1 },
];

/** What both relay before anything is counted: servers run for months, and are warm. */
const WARM_UP: Load = { ...LOADS[0]!, name: "warm-up", messages: 10_000 };

const MEGABYTE = 1 << 20;

async function measure(peers: readonly Peer[], loads: readonly Load[], rounds: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const load of loads) {
    const results = new Map<Peer, RelayResult[]>(peers.map((peer) => [peer, []]));
    // One round that does not count: both have their connections and caches then.
    for (let round = -1; round < rounds; round++) {
      for (const peer of peers) {
        const result = await relay(peer, load);
        console.error(
          `${load.name}: ${peer.name} ${result.messagesPerSecond.toFixed(1)}/s ${result.cpuMs.toFixed(2)} ms`,
        );
        if (round >= 0) results.get(peer)!.push(result);
      }
    }
    const pick = (name: Peer["name"], of: (result: RelayResult) => number) =>
      results.get(peers.find((peer) => peer.name === name)!)!.map(of);
    const many = load.recipients > 1;
    const rate = (result: RelayResult) => result.messagesPerSecond * load.recipients;
    rows.push({
      name: load.name,
      unit: many ? "deliveries/s" : "messages/s",
      postfix: pick("Postfix", rate),
      postel: pick("Postel", rate),
      goal: `ratio at least ${load.goal}`,
    });
    if (many) continue;
    rows.push({
      name: `${load.name}: CPU`,
      unit: "ms a message",
      postfix: pick("Postfix", ({ cpuMs }) => cpuMs),
      postel: pick("Postel", ({ cpuMs }) => cpuMs),
      goal: load.goal === 3 ? "ratio at most 0.33" : "",
    });
    if (load.sessions === 20 && load.size === 4096) {
      rows.push({
        name: `${load.name}: memory`,
        unit: "MB PSS",
        postfix: pick("Postfix", ({ pss }) => pss / MEGABYTE),
        postel: pick("Postel", ({ pss }) => pss / MEGABYTE),
        goal: "Postel below 400",
      });
    }
  }
  return rows;
}

/** The page around the table of results. @param directory where the spools were, if not in the usual place */
function page(text: string, rounds: number, directory?: string): string {
  const where = directory === undefined ? "" : ` --directory ${directory}`;
  return `# Benchmark

Made by \`deno task bench --rounds ${rounds}${where} --write\`: Postfix 3.7.11 (Debian) and Postel with the same main.cf, both as
root with privilege separation, on the same disk, in one run and in turn. Loads come from \`smtp-source\`, \`smtp-sink\`
takes the mail. A rate counts from the first connection to the last message at the sink; CPU is that of all processes
of a mail system. Both have relayed 10,000 messages before anything is counted. The ratio is Postel's median to Postfix's.

On an ext4 file system without a journal a new file is expensive where many were deleted in the last minutes; Postel avoids
such places there. \`results.md\` was measured on one, \`results-elsewhere.md\` on ext4 with its journal (\`mkfs.ext4\` on a
file, mounted with \`-o loop\`).

${text}
`;
}

async function main(): Promise<number> {
  if (Deno.args[0] === "tables") return await (await import("./tables.ts")).benchTables(Deno.args.slice(1));
  if (Deno.args[0] === "queue") return await (await import("./queue.ts")).benchQueue(Deno.args.slice(1));
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      rounds: { type: "string", default: "3" },
      rows: { type: "string" },
      directory: { type: "string" },
      write: { type: "boolean" },
    },
  });
  const rounds = Number(values.rounds);
  const wanted = values.rows?.split(",");
  const chosen = (name: string) => wanted === undefined || wanted.some((word) => name.includes(word));
  if (!isRoot()) return 1;
  const base = scratchDirectory(values.directory ?? "/var/tmp");
  const sink = startSink();
  const [postfix, postel] = bothPeers(base, { sinkPort: sink.port });
  const rows: Row[] = [];
  try {
    await postfix.start();
    await postel.start();
    // What start-up left to do, both do now.
    await new Promise((done) => setTimeout(done, 2000));
    if (chosen("idle")) {
      rows.push({
        name: "idle: memory",
        unit: "MB PSS",
        postfix: [treeUsage(postfix.pid(), true).pss / MEGABYTE],
        postel: [treeUsage(postel.pid(), true).pss / MEGABYTE],
        goal: "Postel below 220",
      });
      rows.push(await idleConnections(postel, 2000));
    }
    for (const peer of [postfix, postel]) await relay(peer, WARM_UP);
    rows.push(...await measure([postfix, postel], LOADS.filter(({ name }) => chosen(name)), rounds));
    if (chosen("start")) rows.push(...await startUp(selfCommand(), `${postel.directory}/etc`, 10));
  } finally {
    await postfix.stop().catch((error) => console.error(error.message));
    await postel.stop().catch((error) => console.error(error.message));
    await sink.stop();
    Deno.removeSync(base, { recursive: true });
  }
  const text = table(rows);
  console.log(text);
  if (values.write) {
    const name = values.directory === undefined ? "results.md" : "results-elsewhere.md";
    Deno.writeTextFileSync(new URL(name, import.meta.url), page(text, rounds, values.directory));
  }
  return 0;
}

if (import.meta.main) Deno.exit(await main());
