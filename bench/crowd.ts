/**
 * Many clients at once: what 5,000 open sessions cost one front process, and how much 1,000 clients that send an octet
 * now and then slow down the others. Needs root and Debian's postfix package (smtp-source and smtp-sink).
 *
 *   deno run -A bench/crowd.ts [--sessions N] [--slow N] [--rounds N] [--directory DIR]
 *
 * The spool is in a new directory below DIR, /var/tmp by default.
 */
import { parseArgs } from "node:util";
import { type Peer, postelPeer } from "./peers.ts";
import { treeUsage } from "./process_tree.ts";
import { scratchDirectory, startSink } from "./scratch.ts";
import { median, type Row, table } from "./table.ts";

const MEGABYTE = 1 << 20;
const encoder = new TextEncoder();

/** Opens a session and says `commands`, each after the reply to the one before. */
async function open(port: number, commands: readonly string[]): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const room = new Uint8Array(512);
  await connection.read(room);
  for (const command of commands) {
    await connection.write(encoder.encode(command + "\r\n"));
    await connection.read(room);
  }
  return connection;
}

async function openMany(port: number, count: number, commands: readonly string[]): Promise<Deno.TcpConn[]> {
  const connections: Deno.TcpConn[] = [];
  while (connections.length < count) {
    const batch = Math.min(50, count - connections.length);
    connections.push(...await Promise.all(Array.from({ length: batch }, () => open(port, commands))));
  }
  return connections;
}

const pause = (seconds: number) => new Promise((done) => setTimeout(done, seconds * 1000));

/** Memory that open sessions take, in megabytes, with what they have said so far. */
async function sessionMemory(peer: Peer, count: number, commands: readonly string[]): Promise<number> {
  const before = treeUsage(peer.pid(), true).pss;
  const connections = await openMany(peer.port, count, commands);
  await pause(1);
  const after = treeUsage(peer.pid(), true).pss;
  for (const connection of connections) connection.close();
  await pause(3);
  return (after - before) / MEGABYTE;
}

/** Files in the active queue; slow clients have theirs in incoming. */
function active(directory: string): number {
  let count = 0;
  for (const entry of Deno.readDirSync(`${directory}/queue/active`)) if (entry.isFile) count += 1;
  return count;
}

/** Waits until nothing is left of a load: the next one has the machine to itself. */
async function untilDelivered(peer: Peer): Promise<void> {
  for (let quiet = 0; quiet < 10;) {
    await pause(0.2);
    quiet = active(peer.directory) === 0 ? quiet + 1 : 0;
  }
}

/** Messages a second that the server takes from 20 sessions. */
async function acceptRate(peer: Peer, messages: number): Promise<number> {
  const start = performance.now();
  const { success, stderr } = await new Deno.Command("smtp-source", {
    args: [
      ...["-s", "20", "-m", String(messages), "-l", "4096", "-f", "a@example.org", "-t", "b@example.net"],
      `127.0.0.1:${peer.port}`,
    ],
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`smtp-source: ${new TextDecoder().decode(stderr)}`);
  const seconds = (performance.now() - start) / 1000;
  await untilDelivered(peer);
  return messages / seconds;
}

/** Clients that send one octet every few seconds, a command or content without end, until the signal. */
async function slowClients(
  port: number,
  count: number,
  signal: AbortSignal,
): Promise<{ done: Promise<void> }> {
  const hello = ["EHLO slow.example"];
  const inContent = [...hello, "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>", "DATA"];
  const talking = await openMany(port, count - count / 10, hello);
  const sending = await openMany(port, count / 10, inContent);
  const all = [...talking, ...sending];
  const octet = encoder.encode("x");
  const trickle = async () => {
    for (let next = 0; !signal.aborted; next = (next + 1) % all.length) {
      await all[next]!.write(octet).catch(() => 0);
      // All of them together send about as often as there are of them.
      if (next % 20 === 0) await pause(0.02);
    }
    for (const connection of all) connection.close();
  };
  return { done: trickle() };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      sessions: { type: "string", default: "5000" },
      slow: { type: "string", default: "1000" },
      rounds: { type: "string", default: "5" },
      directory: { type: "string", default: "/var/tmp" },
    },
  });
  const [sessions, slow, rounds] = [values.sessions, values.slow, values.rounds].map(Number) as [
    number,
    number,
    number,
  ];
  const base = scratchDirectory(values.directory);
  const sink = startSink();
  const extra = ["default_process_limit = 20000", "smtpd_timeout = 600s"];
  const postel = postelPeer({ directory: `${base}/postel`, sinkPort: sink.port, extra });
  const master = `${postel.directory}/etc/master.cf`;
  Deno.writeTextFileSync(master, Deno.readTextFileSync(master).replace(" 4000 smtpd", " 20000 smtpd"));
  const rows: Row[] = [];
  const row = (name: string, unit: string, postel: number[], goal: string) => {
    console.error(`${name}: ${postel.map((value) => value.toFixed(1)).join(" ")} ${unit}`);
    rows.push({ name, unit, postfix: [], postel, goal });
  };
  try {
    await postel.start();
    await pause(2);
    const hello = ["EHLO client.example"];
    row(
      `${sessions} sessions after EHLO`,
      "MB PSS more",
      [await sessionMemory(postel, sessions, hello)],
      "below 150",
    );
    const transaction = [...hello, "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.net>"];
    row(
      `${sessions} sessions after RCPT`,
      "MB PSS more",
      [await sessionMemory(postel, sessions, transaction)],
      "below 150",
    );
    await acceptRate(postel, 4000);
    const alone: number[] = [];
    const disturbed: number[] = [];
    for (let round = 0; round < rounds; round++) {
      // In turn first and second, so that neither has the quieter half of the run.
      if (round % 2 === 0) alone.push(await acceptRate(postel, 4000));
      const stop = new AbortController();
      const trickling = await slowClients(postel.port, slow, stop.signal);
      try {
        disturbed.push(await acceptRate(postel, 4000));
      } finally {
        stop.abort();
        await trickling.done;
      }
      await pause(2);
      if (round % 2 === 1) alone.push(await acceptRate(postel, 4000));
    }
    row("20 sessions alone", "messages/s accepted", alone, "");
    row(`20 sessions beside ${slow} slow clients`, "messages/s accepted", disturbed, "at least 0.9 of alone");
    console.log(table(rows));
    console.log(`\nbeside slow clients: ${(median(disturbed) / median(alone)).toFixed(3)} of alone`);
  } finally {
    await postel.stop().catch((error) => console.error(error.message));
    await sink.stop();
    Deno.removeSync(base, { recursive: true });
  }
}

if (import.meta.main) await main();
