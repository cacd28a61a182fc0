/**
 * Delivery to Maildirs of 200 users: SMTP in, synced queue file, local(8) or virtual(8), synced file in the Maildir.
 * Measured in three ways: from the first connection to the last file, over connections that stay, as those of another mail
 * system do ("kept"); the same with a connection for each message ("single"); and the deliveries alone, of mail that was
 * put on hold and then released ("queue"). Real Postfix and Postel in one run and in turn, with the same main.cf.
 *
 *   deno run -A bench/maildir.ts [--rounds N] [--size N] [--kinds local,virtual] [--parts kept,single,queue]
 *     [--directory DIR] [--write]
 *
 * Needs root and Debian's postfix package. Spools and mailboxes are in a new directory below DIR, /var/tmp by default.
 * The 200 users exist in a mount namespace of the run only: a copy of /etc/passwd with their lines lies over the system's.
 */
import { parseArgs } from "node:util";
import {
  delivered,
  deliverySettings,
  HELD_SENDER,
  type Kind,
  KINDS,
  layOut,
  passwdLines,
  USERS,
} from "./maildir_world.ts";
import { type Peer, postelPeer, postfixPeer } from "./peers.ts";
import { roleUsage, treeUsage } from "./process_tree.ts";
import { untilQueueEmpty } from "./queue_end.ts";
import { isRoot, scratchDirectory } from "./scratch.ts";
import { type Row, table } from "./table.ts";

/** `smtp-source -N` numbers its recipients from 1: as many clients as this send to the same users. */
const CLIENTS = 10;
const SESSIONS_PER_CLIENT = 2;
const MESSAGE_SIZE = 4096;
/** So many rounds do not count: processes and caches are there after them, and code that is often needed is compiled. */
const UNCOUNTED = 2;
const PEERS = ["Postfix", "Postel"] as const;
const PARTS = ["kept", "single", "queue"] as const;
type Part = typeof PARTS[number];

/** What the rows of a part say behind the name. */
const SAID: Record<Part, string> = {
  kept: "",
  single: ", a connection for each message",
  queue: ", from the queue",
};

/** Set in the process that runs inside the namespace: the directory of the run. */
const INSIDE = "POSTEL_BENCH_INSIDE";

const OPTIONS = {
  rounds: { type: "string", default: "3" },
  /** Messages a run, in units of 2,000. */
  size: { type: "string", default: "2" },
  kinds: { type: "string", default: KINDS.join(",") },
  parts: { type: "string", default: PARTS.join(",") },
  peers: { type: "string", default: PEERS.join(",") },
  directory: { type: "string", default: "/var/tmp" },
  /** Keeps both running, and prints the process ids, until a line is read. */
  wait: { type: "boolean" },
  write: { type: "boolean" },
} as const;

interface Result {
  readonly perSecond: number;
  readonly cpuMs: number;
}

async function source(port: number, from: string, recipient: string, part: Part): Promise<void> {
  const { success, stderr } = await new Deno.Command("smtp-source", {
    args: [
      ...(part === "kept" ? ["-d"] : []),
      ...["-s", String(SESSIONS_PER_CLIENT), "-m", String(USERS), "-l", String(MESSAGE_SIZE), "-N"],
      ...["-f", from, "-t", recipient, `127.0.0.1:${port}`],
    ],
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`smtp-source: ${new TextDecoder().decode(stderr)}`);
}

async function send(peer: Peer, kind: Kind, part: Part, size: number): Promise<void> {
  const from = part === "queue" ? HELD_SENDER : "sender@example.org";
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    for (let round = 0; round < size; round++) await source(peer.port, from, `user@${kind}.example`, part);
  }));
}

/** CPU milliseconds a message in each process of Postel. */
function perRole(before: Map<string, number>, after: Map<string, number>, messages: number): string {
  return [...after]
    .map(([role, seconds]) => `${role} ${((seconds - (before.get(role) ?? 0)) * 1000 / messages).toFixed(2)}`)
    .join(", ");
}

async function load(base: string, peer: Peer, kind: Kind, part: Part, size: number): Promise<Result> {
  const messages = CLIENTS * USERS * size;
  // What was delivered stays: on some file systems a file is dearer to make when many were removed just before.
  const already = delivered(base, peer.name, kind);
  if (part === "queue") {
    await send(peer, kind, part, size);
    await peer.tool("postsuper", ["-H", "ALL"]);
  }
  // What the load before left in memory is written now, not in the middle of this one.
  await new Deno.Command("sync").output();
  const before = treeUsage(peer.pid(), false);
  const rolesBefore = roleUsage(peer.pid());
  const start = performance.now();
  if (part === "queue") await peer.tool("postqueue", ["-f"]);
  else await send(peer, kind, part, size);
  const taken = performance.now();
  await untilQueueEmpty(peer);
  const seconds = (performance.now() - start) / 1000;
  const made = delivered(base, peer.name, kind) - already;
  if (made !== messages) throw new Error(`${peer.name}: ${made} of ${messages} messages are in Maildirs`);
  const cpu = treeUsage(peer.pid(), false).cpuSeconds - before.cpuSeconds;
  console.error(
    `${kind}, ${part}: ${peer.name} ${(messages / seconds).toFixed(0)}/s, ` +
      `${part === "queue" ? "flush asked for" : "taken in"} in ${((taken - start) / 1000).toFixed(2)} s, ` +
      `delivered in ${seconds.toFixed(2)} s, ${(cpu * 1000 / messages).toFixed(2)} ms CPU ` +
      `(${perRole(rolesBefore, roleUsage(peer.pid()), messages)})`,
  );
  return { perSecond: messages / seconds, cpuMs: cpu * 1000 / messages };
}

async function measure(
  base: string,
  peers: readonly Peer[],
  kind: Kind,
  part: Part,
  rounds: number,
  size: number,
): Promise<Row[]> {
  const results = new Map<string, Result[]>(peers.map(({ name }) => [name, []]));
  for (let round = -UNCOUNTED; round < rounds; round++) {
    for (const peer of peers) {
      const result = await load(base, peer, kind, part, size);
      if (round >= 0) results.get(peer.name)!.push(result);
    }
  }
  const pick = (name: Peer["name"], of: (result: Result) => number) => (results.get(name) ?? []).map(of);
  const name = `Maildir of ${USERS} users, ${kind}(8)${SAID[part]}`;
  return [
    {
      name,
      unit: "messages/s",
      postfix: pick("Postfix", ({ perSecond }) => perSecond),
      postel: pick("Postel", ({ perSecond }) => perSecond),
      goal: part === "kept" ? "ratio at least 3" : "",
    },
    {
      name: `${name}: CPU`,
      unit: "ms a message",
      postfix: pick("Postfix", ({ cpuMs }) => cpuMs),
      postel: pick("Postel", ({ cpuMs }) => cpuMs),
      goal: "",
    },
  ];
}

/** Runs this program again where the users exist. */
async function enterNamespace(directory: string): Promise<number> {
  const base = scratchDirectory(directory);
  try {
    const passwd = `${base}/passwd`;
    Deno.writeTextFileSync(passwd, Deno.readTextFileSync("/etc/passwd") + passwdLines(base));
    const again = [Deno.execPath(), "run", "-A", "--unstable-net", import.meta.filename!, ...Deno.args];
    const child = new Deno.Command("unshare", {
      args: [
        ...["--mount", "--propagation", "private", "sh", "-c"],
        'mount --bind "$0" /etc/passwd && exec "$@"',
        passwd,
        ...again,
      ],
      env: { [INSIDE]: base },
    }).spawn();
    // Cut off from outside, the systems that run inside must end, too.
    Deno.addSignalListener("SIGTERM", () => child.kill("SIGTERM"));
    return (await child.status).code;
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
}

function page(values: { rounds: string; size: string; directory: string }, rows: readonly Row[]): string {
  return `# Maildir delivery

Made by \`deno run -A bench/maildir.ts --rounds ${values.rounds} --size ${values.size} --directory ${values.directory} --write\`:
Postfix 3.7.11 (Debian) and Postel with the same main.cf, as root with privilege separation, on the same disk, in one run
and in turn; messages of 4 KB, one recipient each, over ${
    CLIENTS * SESSIONS_PER_CLIENT
  } connections at a time, each of
them for ${
    USERS / SESSIONS_PER_CLIENT
  } messages (\`smtp-source -d\`) or for one. The first ${UNCOUNTED} rounds do not count. A rate counts from the first connection
until the queue is empty and all files are in the Maildirs, or, "from the queue", from \`postqueue -f\` for mail that had
been on hold.

${table(rows)}
`;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ args: Deno.args, options: OPTIONS });
  if (!isRoot()) return 1;
  const base = Deno.env.get(INSIDE);
  if (base === undefined) return await enterNamespace(values.directory);
  layOut(base, PEERS);
  const settings = (name: string) => ({
    directory: `${base}/${name}`,
    sinkPort: 9,
    extra: deliverySettings(base, name),
  });
  const peers = [
    postfixPeer(settings("Postfix")),
    postelPeer(settings("Postel")),
  ].filter(({ name }) => values.peers.split(",").includes(name));
  const rows: Row[] = [];
  const stopAll = async () => {
    for (const peer of peers) await peer.stop().catch((error) => console.error(error.message));
  };
  Deno.addSignalListener("SIGTERM", () => void stopAll().then(() => Deno.exit(1)));
  try {
    for (const peer of peers) await peer.start();
    await new Promise((done) => setTimeout(done, 2000));
    if (values.wait === true) {
      console.error(peers.map((peer) => `${peer.name} ${peer.pid()} ${peer.directory}`).join("\n"));
      await Deno.stdin.read(new Uint8Array(1));
    }
    for (const part of PARTS.filter((name) => values.parts.split(",").includes(name))) {
      for (const kind of KINDS.filter((name) => values.kinds.split(",").includes(name))) {
        rows.push(...await measure(base, peers, kind, part, Number(values.rounds), Number(values.size)));
      }
    }
  } finally {
    await stopAll();
  }
  console.log(table(rows));
  if (values.write === true) {
    Deno.writeTextFileSync(new URL("maildir-results.md", import.meta.url), page(values, rows));
  }
  return 0;
}

if (import.meta.main) Deno.exit(await main());
