/**
 * The queue tools beside real Postfix's on a queue of deferred messages: both in one run, in turn, each on a queue of its
 * own with the same content. Needs root and Debian's postfix package.
 *
 *   deno task bench queue [--count 100000] [--rounds 2] [--directory /var/tmp] [--write]
 *
 * `--write` puts the table into bench/queue-results.md. With 100,000 messages and two rounds it takes about four minutes,
 * and the directory needs room for 2 GB in half a million files.
 */
import { parseArgs } from "node:util";
import { loadConfig } from "../core/config/mod.ts";
import { createQueueDirectories } from "../core/queue/mod.ts";
import { lookupUser, selfCommand } from "../core/system/mod.ts";
import { bothPeers, type Peer } from "./peers.ts";
import { intakeMeanwhile, intakeWhileRequeued, SETTLE, starts } from "./queue_daemons.ts";
import { fillInProcess, type Owner, undoRequeue } from "./queue_fill.ts";
import { compare, row, seconds, type Side } from "./queue_runs.ts";
import { listings, maintenance } from "./queue_tools.ts";
import { isRoot, scratchDirectory, startSink } from "./scratch.ts";
import { type Row, table } from "./table.ts";

/** Type and options of the file system that a directory is on. */
function fileSystemOf(directory: string): string {
  const real = Deno.realPathSync(directory);
  const mounts = Deno.readTextFileSync("/proc/mounts").split("\n").map((line) => line.split(" "))
    .filter(([, at = "?"]) => at === "/" || real === at || real.startsWith(`${at}/`))
    .sort(([, one = ""], [, other = ""]) => other.length - one.length);
  const [, , type = "unknown", options = ""] = mounts[0] ?? [];
  return `${type} (${options})`;
}

interface Circumstances {
  readonly count: number;
  readonly rounds: number;
  readonly minutes: string;
  readonly fileSystem: string;
}

function page(text: string, { count, rounds, minutes, fileSystem }: Circumstances): string {
  return `# The queue tools on ${count.toLocaleString("en")} deferred messages

Made by \`deno task bench queue --count ${count} --rounds ${rounds} --write\` in ${minutes} minutes: Postfix 3.7.11 (Debian) and
Postel, each on a queue of its own with the same messages (one recipient, one entry in the defer log), on the same disk, in one
run and in turn. File system: ${fileSystem}. Listings are made with the daemons up, through their showq services; postsuper runs while they are down,
except where it says otherwise. The ratio is Postel's median to Postfix's.

${text}
`;
}

/** Makes both queues, side by side. */
async function fill(peers: readonly Peer[], count: number, owner: Owner): Promise<void> {
  await Promise.all(peers.map(async ({ directory }) => {
    createQueueDirectories(loadConfig({ directory: `${directory}/etc` }));
    console.error(`filling ${directory}`);
    await fillInProcess(`${directory}/queue`, count, owner);
  }));
}

/** Measures the queue tools. @returns exit code */
export async function benchQueue(args: readonly string[]): Promise<number> {
  const started = performance.now();
  const { values } = parseArgs({
    args: [...args],
    options: {
      count: { type: "string", default: "100000" },
      rounds: { type: "string", default: "2" },
      directory: { type: "string", default: "/var/tmp" },
      write: { type: "boolean" },
    },
  });
  const rounds = Number(values.rounds);
  const count = Number(values.count);
  const owner = lookupUser("postfix");
  if (!isRoot()) return 1;
  if (owner === undefined) throw new Error("There is no user postfix: install Debian's postfix");
  const base = scratchDirectory(values.directory);
  const fileSystem = fileSystemOf(base);
  const sink = startSink();
  const self = selfCommand();
  const [postfix, postel] = bothPeers(base, { sinkPort: sink.port });
  const sides: Side[] = [
    { peer: postfix, tool: (name, ...args) => [`/usr/sbin/${name}`, ...args] },
    { peer: postel, tool: (name, ...args) => [self.program, ...self.args, name, ...args] },
  ];
  const rows: Row[] = [];
  const add = (more: readonly Row[]) => {
    rows.push(...more);
    // After every part: a run takes minutes, and what is measured is not to be lost with what comes after it.
    const minutes = ((performance.now() - started) / 60000).toFixed(1);
    const text = page(table(rows), { count, rounds, minutes, fileSystem });
    if (values.write) Deno.writeTextFileSync(new URL("queue-results.md", import.meta.url), text);
  };
  try {
    const peers = [postfix, postel];
    // Real postsuper logs as the mail system's user.
    for (const { directory } of peers) Deno.chownSync(`${directory}/log`, owner.uid, owner.gid);
    await fill(peers, count, owner);
    const startBoth = async () => {
      for (const peer of peers) await peer.start();
      await new Promise((done) => setTimeout(done, SETTLE));
      for (const { directory } of peers) Deno.chownSync(`${directory}/log/mail.log`, owner.uid, owner.gid);
    };
    await startBoth();
    add(await listings(sides, rounds));
    add(await intakeMeanwhile(sides, 1));
    add(await starts(sides, rounds));
    for (const peer of peers) await peer.stop();
    add(await maintenance(sides, rounds));
    await startBoth();
    add([await intakeWhileRequeued(sides)]);
    for (const peer of peers) {
      await peer.stop();
      undoRequeue(`${peer.directory}/queue`);
    }
    const removal = await compare(sides, 1, ["postsuper", "-d", "ALL"]);
    add([row("postsuper -d ALL", "s", "ratio at most 1", removal, seconds)]);
  } finally {
    for (const { peer } of sides) await peer.stop().catch(() => {});
    await sink.stop();
    Deno.removeSync(base, { recursive: true });
  }
  console.log(table(rows));
  return 0;
}

if (import.meta.main) Deno.exit(await benchQueue(Deno.args));
