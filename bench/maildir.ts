/**
 * Delivery to Maildirs of 200 users: SMTP in, synced queue file, local(8) or virtual(8), synced file in the Maildir; from
 * the first connection to the last file. Real Postfix and Postel in one run and in turn, with the same main.cf.
 *
 *   deno run -A bench/maildir.ts [--rounds N] [--size N] [--kinds local,virtual] [--image] [--write]
 *
 * Needs root and Debian's postfix package. `--image` puts all of it on an ext4 file system of its own, with a journal, in a
 * file: for a disk whose own file system is of an unusual kind. The 200 users exist in a mount namespace of the run only: a copy of /etc/passwd
 * with their lines lies over the system's.
 */
import { freePort } from "../core/system/free_port_testing.ts";
import process from "node:process";
import { parseArgs } from "node:util";
import { selfCommand } from "../core/system/mod.ts";
import { type Peer, postelPeer, postfixPeer } from "./peers.ts";
import { treeUsage } from "./process_tree.ts";
import { type Row, table } from "./table.ts";

const USERS = 200;
/** `smtp-source -N` numbers its recipients from 1: as many clients as this send to the same users. */
const CLIENTS = 10;
const SESSIONS_PER_CLIENT = 2;
const SIZE = 4096;
const FIRST_UID = 70_001;
const PEERS = ["Postfix", "Postel"] as const;
const KINDS = ["local", "virtual"] as const;

type Kind = typeof KINDS[number];

/** Set in the process that runs inside the namespace: the directory of the run. */
const INSIDE = "POSTEL_BENCH_INSIDE";

function passwdLines(base: string): string {
  const lines: string[] = [];
  for (let user = 1; user <= USERS; user++) {
    const uid = FIRST_UID + user;
    lines.push(`${user}user:x:${uid}:${uid}::${base}/home/${user}user:/bin/false`);
  }
  return lines.join("\n") + "\n";
}

/** What both systems have in main.cf for these loads. */
function deliverySettings(base: string, name: string): string[] {
  return [
    "mydestination = local.example",
    "local_recipient_maps =",
    `home_mailbox = ${name}/`,
    "virtual_mailbox_domains = virtual.example",
    `virtual_mailbox_base = ${base}`,
    `virtual_mailbox_maps = texthash:${base}/mailboxes-${name}`,
    "virtual_uid_maps = static:70000",
    "virtual_gid_maps = static:70000",
    "relayhost =",
  ];
}

/** Files in the `new` directories. */
function delivered(base: string, peer: string, kind: Kind): number {
  let count = 0;
  for (let user = 1; user <= USERS; user++) {
    const box = kind === "local" ? `${base}/home/${user}user/${peer}` : `${base}/virtual/${peer}/${user}user`;
    try {
      for (const _ of Deno.readDirSync(`${box}/new`)) count += 1;
    } catch {
      // Nothing was delivered to this user yet.
    }
  }
  return count;
}

function layOut(base: string): void {
  for (const peer of PEERS) {
    Deno.mkdirSync(`${base}/virtual/${peer}`, { recursive: true });
    Deno.chownSync(`${base}/virtual/${peer}`, 70_000, 70_000);
    const lines = Array.from({ length: USERS }, (_, index) => `${index + 1}user`)
      .map((user) => `${user}@virtual.example virtual/${peer}/${user}/\n`);
    Deno.writeTextFileSync(`${base}/mailboxes-${peer}`, lines.join(""));
  }
  for (let user = 1; user <= USERS; user++) {
    const home = `${base}/home/${user}user`;
    Deno.mkdirSync(home, { recursive: true });
    Deno.chownSync(home, FIRST_UID + user, FIRST_UID + user);
  }
}

interface Result {
  readonly perSecond: number;
  readonly cpuMs: number;
}

async function source(port: number, messages: number, recipient: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("smtp-source", {
    args: [
      ...["-s", String(SESSIONS_PER_CLIENT), "-m", String(messages), "-l", String(SIZE), "-N"],
      ...["-f", "sender@example.org", "-t", recipient, `127.0.0.1:${port}`],
    ],
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`smtp-source: ${new TextDecoder().decode(stderr)}`);
}

async function load(base: string, peer: Peer, kind: Kind, rounds: number): Promise<Result> {
  // What was delivered stays: on some file systems a file is dearer to make when many were removed just before.
  const already = delivered(base, peer.name, kind);
  const before = treeUsage(peer.pid(), false);
  const start = performance.now();
  const messages = CLIENTS * USERS * rounds;
  const sources: Promise<void>[] = [];
  for (let client = 0; client < CLIENTS; client++) {
    sources.push((async () => {
      for (let round = 0; round < rounds; round++) await source(peer.port, USERS, `user@${kind}.example`);
    })());
  }
  await Promise.all(sources);
  const taken = performance.now();
  while (delivered(base, peer.name, kind) < already + messages) {
    if (performance.now() - start > 100_000) throw new Error(`${peer.name}: mail is stuck in the queue`);
    await new Promise((done) => setTimeout(done, 20));
  }
  const seconds = (performance.now() - start) / 1000;
  const cpu = treeUsage(peer.pid(), false).cpuSeconds - before.cpuSeconds;
  console.error(
    `${kind}: ${peer.name} ${(messages / seconds).toFixed(0)}/s, taken in ${
      ((taken - start) / 1000).toFixed(2)
    } s, delivered in ${seconds.toFixed(2)} s, ${(cpu * 1000 / messages).toFixed(2)} ms CPU`,
  );
  return { perSecond: messages / seconds, cpuMs: cpu * 1000 / messages };
}

async function measure(base: string, peers: readonly Peer[], kind: Kind, rounds: number, size: number) {
  const results = new Map<string, Result[]>(peers.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const peer of peers) {
      const result = await load(base, peer, kind, size);
      // The first round does not count: processes and caches are there after it.
      if (round >= 0) results.get(peer.name)!.push(result);
    }
  }
  const pick = (name: Peer["name"], of: (result: Result) => number) => (results.get(name) ?? []).map(of);
  const name = `Maildir of ${USERS} users, ${kind}(8)`;
  const rows: Row[] = [
    {
      name,
      unit: "messages/s",
      postfix: pick("Postfix", ({ perSecond }) => perSecond),
      postel: pick("Postel", ({ perSecond }) => perSecond),
      goal: "ratio at least 3",
    },
    {
      name: `${name}: CPU`,
      unit: "ms a message",
      postfix: pick("Postfix", ({ cpuMs }) => cpuMs),
      postel: pick("Postel", ({ cpuMs }) => cpuMs),
      goal: "",
    },
  ];
  return rows;
}

/** An empty ext4 file system of 2 GB, as distributions make it. */
async function makeImage(path: string): Promise<void> {
  Deno.writeFileSync(path, new Uint8Array(0));
  Deno.truncateSync(path, 2 ** 31);
  const { success, stderr } = await new Deno.Command("mkfs.ext4", {
    args: ["-q", "-F", path],
    stderr: "piped",
  })
    .output();
  if (!success) throw new Error(`mkfs.ext4: ${new TextDecoder().decode(stderr)}`);
}

/** Runs this program again where the users exist. */
async function enterNamespace(): Promise<number> {
  const base = Deno.makeTempDirSync({ prefix: "postel-bench-", dir: "/var/tmp" });
  Deno.chmodSync(base, 0o755);
  try {
    const passwd = `${base}/passwd`;
    Deno.writeTextFileSync(passwd, Deno.readTextFileSync("/etc/passwd") + passwdLines(base));
    const script = Deno.args.includes("--image")
      ? 'mount --bind "$0" /etc/passwd && mount -o loop "${0%/passwd}.img" "${0%/passwd}" && chmod 755 "${0%/passwd}" && exec "$@"'
      : 'mount --bind "$0" /etc/passwd && exec "$@"';
    if (Deno.args.includes("--image")) await makeImage(`${base}.img`);
    const again = [Deno.execPath(), "run", "-A", "--unstable-net", import.meta.filename!, ...Deno.args];
    const child = new Deno.Command("unshare", {
      args: ["--mount", "--propagation", "private", "sh", "-c", script, passwd, ...again],
      env: { [INSIDE]: base },
    }).spawn();
    // Cut off from outside, the systems that run inside must end, too.
    Deno.addSignalListener("SIGTERM", () => child.kill("SIGTERM"));
    return (await child.status).code;
  } finally {
    Deno.removeSync(base, { recursive: true });
    if (Deno.args.includes("--image")) Deno.removeSync(`${base}.img`);
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      rounds: { type: "string", default: "3" },
      /** Messages a run, in units of 2,000. */
      size: { type: "string", default: "1" },
      kinds: { type: "string", default: KINDS.join(",") },
      peers: { type: "string", default: PEERS.join(",") },
      /** Keeps both running, and prints the process ids, until a line is read. */
      wait: { type: "boolean" },
      image: { type: "boolean" },
      write: { type: "boolean" },
    },
  });
  if (process.geteuid?.() !== 0) {
    console.error(
      "bench: mailboxes are delivered with their users' rights: run this as root, with Debian's postfix installed",
    );
    return 1;
  }
  const base = Deno.env.get(INSIDE);
  if (base === undefined) return await enterNamespace();
  layOut(base);
  const self = selfCommand();
  const settings = (name: string) => ({
    directory: `${base}/${name}`,
    port: freePort(),
    sinkPort: 9,
    extra: deliverySettings(base, name),
  });
  const peers = [
    postfixPeer(settings("Postfix")),
    postelPeer(settings("Postel"), [self.program, ...self.args]),
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
    for (const kind of KINDS.filter((name) => values.kinds.split(",").includes(name))) {
      rows.push(...await measure(base, peers, kind, Number(values.rounds), Number(values.size)));
    }
  } finally {
    await stopAll();
  }
  console.log(table(rows));
  if (values.write === true) {
    const page =
      `# Maildir delivery\n\nMade by \`deno run -A bench/maildir.ts --rounds ${values.rounds} --write\`.\n\n${
        table(rows)
      }\n`;
    Deno.writeTextFileSync(new URL("maildir-results.md", import.meta.url), page);
  }
  return 0;
}

if (import.meta.main) Deno.exit(await main());
