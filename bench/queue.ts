/**
 * The queue tools beside real Postfix's on a queue of deferred messages: both in one run, in turn, each on a queue of its
 * own with the same content. Needs root and Debian's postfix package.
 *
 *   deno task bench queue [--count 100000] [--rounds 2] [--directory /var/tmp] [--write]
 *
 * `--write` puts the table into bench/queue-results.md. With 100,000 messages and two rounds it takes about four minutes,
 * and the directory needs room for 2 GB in half a million files.
 */
import { freePort } from "../core/system/free_port_testing.ts";
import process from "node:process";
import { parseArgs } from "node:util";
import { loadConfig } from "../core/config/mod.ts";
import { createQueueDirectories } from "../core/queue/mod.ts";
import { lookupUser, selfCommand } from "../core/system/mod.ts";
import { type Peer, postelPeer, postfixPeer } from "./peers.ts";
import { fillInProcess, type Owner, undoRequeue } from "./queue_fill.ts";
import { type Row, table } from "./table.ts";

interface Run {
  readonly seconds: number;
  /** Milliseconds until the first output. */
  readonly first: number;
  /** Largest resident set in MB. */
  readonly memory: number;
}

/** A mail system and how its tools are called. */
interface Side {
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
async function run(side: Side, command: readonly string[]): Promise<Run> {
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
async function compare(
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

function row(
  name: string,
  unit: string,
  goal: string,
  results: ReadonlyMap<Peer["name"], readonly Run[]>,
  of: (run: Run) => number,
): Row {
  const values = (peer: Peer["name"]) => (results.get(peer) ?? []).map(of);
  return { name, unit, postfix: values("Postfix"), postel: values("Postel"), goal };
}

const seconds = ({ seconds }: Run) => seconds;

async function listings(sides: readonly Side[], rounds: number): Promise<Row[]> {
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

const MESSAGES = 1500;

/** Seconds after an intake, so that what was accepted is delivered and does not weigh on the next measurement. */
const SETTLE = 2000;

/** Messages accepted a second. */
async function intake({ peer }: Side): Promise<number> {
  const start = performance.now();
  const { success } = await new Deno.Command("smtp-source", {
    args: ["-m", String(MESSAGES), "-s", "20", "-l", "4096", "-f", "a@bench.example", "-t", "b@sink.example"]
      .concat(`127.0.0.1:${peer.port}`),
    stdout: "null",
  }).output();
  if (!success) throw new Error(`${peer.name}: smtp-source failed`);
  const rate = MESSAGES / ((performance.now() - start) / 1000);
  console.error(`${peer.name}: ${rate.toFixed(0)} messages/s accepted`);
  await new Promise((done) => setTimeout(done, SETTLE));
  return rate;
}

type Rates = Map<Peer["name"], number[]>;

function noRates(sides: readonly Side[]): Rates {
  return new Map(sides.map(({ peer }) => [peer.name, []]));
}

function rateRow(name: string, rates: Rates, goal: string): Row {
  const [postfix, postel] = [rates.get("Postfix")!, rates.get("Postel")!];
  return { name, unit: "messages/s", postfix, postel, goal };
}

const HALF = "at least half of the rate with nothing else to do";

/** How fast mail is accepted, alone and while the queue is listed over and over. */
async function intakeMeanwhile(sides: readonly Side[], rounds: number): Promise<Row[]> {
  const alone = noRates(sides);
  const meanwhile = noRates(sides);
  // The first mail after a start finds both cold: it is not measured.
  for (const side of sides) await intake(side);
  for (let round = 0; round < rounds; round++) {
    for (const side of sides) {
      alone.get(side.peer.name)!.push(await intake(side));
      let ended = false;
      const listing = (async () => {
        while (!ended) await run(side, side.tool("postqueue", "-p"));
      })();
      meanwhile.get(side.peer.name)!.push(await intake(side));
      ended = true;
      await listing;
    }
  }
  return [
    rateRow("intake, nothing else to do", alone, ""),
    rateRow("intake while postqueue -p runs", meanwhile, HALF),
  ];
}

/** How fast mail is accepted while everything is requeued; the daemons are to be stopped soon after. */
async function intakeWhileRequeued(sides: readonly Side[]): Promise<Row> {
  const rates = noRates(sides);
  for (const side of sides) {
    const [rate] = await Promise.all([intake(side), run(side, side.tool("postsuper", "-r", "ALL"))]);
    rates.get(side.peer.name)!.push(rate);
  }
  return rateRow("intake while postsuper -r ALL runs", rates, HALF);
}

async function answers(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** Seconds from the start command until the port takes connections. */
async function startTime({ peer }: Side): Promise<number> {
  // The processes of a master that was stopped keep the port for a moment.
  while (await answers(peer.port)) await new Promise((done) => setTimeout(done, 50));
  const start = performance.now();
  const command = peer.start();
  let seconds = 0;
  while (seconds === 0) {
    if (await answers(peer.port)) seconds = (performance.now() - start) / 1000;
    else await new Promise((done) => setTimeout(done, 5));
  }
  await command;
  await new Promise((done) => setTimeout(done, 1500));
  return seconds;
}

async function starts(sides: readonly Side[], rounds: number): Promise<Row[]> {
  const checked = noRates(sides);
  const quick = noRates(sides);
  for (let round = 0; round < rounds; round++) {
    for (const side of sides) {
      await side.peer.stop();
      checked.get(side.peer.name)!.push(await startTime(side));
      await side.peer.stop();
      // What "postfix quick-stop" leaves behind: the next start makes no checks.
      Deno.writeTextFileSync(`${side.peer.directory}/queue/quick-start`, "");
      quick.get(side.peer.name)!.push(await startTime(side));
    }
  }
  const startRow = (name: string, times: Rates): Row => ({
    name,
    unit: "s",
    postfix: times.get("Postfix")!,
    postel: times.get("Postel")!,
    goal: "Postel below 1",
  });
  return [
    startRow("postfix start with its checks until port 25 answers", checked),
    startRow("postfix start without checks until port 25 answers", quick),
  ];
}

async function maintenance(sides: readonly Side[], rounds: number): Promise<Row[]> {
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

function stopSink(sink: Deno.ChildProcess): void {
  try {
    sink.kill();
  } catch (error) {
    // It ended by itself, which matters to the intake rows only: what it did not take is still in the queue.
    console.error(`smtp-sink: ${error instanceof Error ? error.message : String(error)}`);
  }
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
  if (process.geteuid?.() !== 0 || owner === undefined) {
    console.error("bench queue: run this as root, with Debian's postfix installed");
    return 1;
  }
  const base = Deno.makeTempDirSync({ prefix: "postel-bench-", dir: values.directory });
  Deno.chmodSync(base, 0o755);
  const fileSystem = fileSystemOf(base);
  const sinkPort = freePort();
  const sink = new Deno.Command("smtp-sink", { args: ["-u", "postfix", `127.0.0.1:${sinkPort}`, "1024"] })
    .spawn();
  const self = selfCommand();
  const settings = (name: string) => ({ directory: `${base}/${name}`, port: freePort(), sinkPort });
  const postfix = postfixPeer(settings("postfix"));
  const postel = postelPeer(settings("postel"), [self.program, ...self.args]);
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
    stopSink(sink);
    await sink.status;
    Deno.removeSync(base, { recursive: true });
  }
  console.log(table(rows));
  return 0;
}

if (import.meta.main) Deno.exit(await benchQueue(Deno.args));
