/**
 * Relaying with access control: ten restrictions, three table lookups and a policy service among them, through Postfix
 * and Postel in turn. Needs root and Debian's postfix package.
 *
 *   deno run -A bench/access.ts [--rounds N] [--directory DIR] [--write]
 *
 * Both spools are in a new directory below DIR, /var/tmp by default.
 * `--write` puts the table into bench/access-results.md.
 */
import { parseArgs } from "node:util";
import { bothPeers } from "./peers.ts";
import { type Load, relay, type RelayResult } from "./relay.ts";
import { isRoot, scratchDirectory, startSink } from "./scratch.ts";
import { type Row, table } from "./table.ts";

const LOAD: Load = {
  name: "4 KB, 20 sessions, ten restrictions",
  messages: 3000,
  sessions: 20,
  size: 4096,
  recipients: 1,
  goal: 3,
};
/** Entries of each table. */
const ENTRIES = 1000;

function mustRun(program: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(program, { args, stderr: "piped" }).outputSync();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
}

/** main.cf lines; the tables are made in `directory`. */
function restrictions(directory: string, policyPort: number): string[] {
  const tables = ["clients", "senders", "recipients"].map((name) => {
    const lines = Array.from({ length: ENTRIES }, (_, index) => `${name}${index}.example REJECT\n`);
    Deno.writeTextFileSync(`${directory}/${name}`, lines.join(""));
    mustRun("postmap", `hash:${directory}/${name}`);
    return `hash:${directory}/${name}`;
  });
  return [
    `smtpd_client_restrictions = check_client_access ${tables[0]}, reject_unauth_pipelining`,
    "smtpd_helo_restrictions = reject_invalid_helo_hostname",
    `smtpd_sender_restrictions = reject_non_fqdn_sender, check_sender_access ${tables[1]}`,
    "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination",
    `smtpd_recipient_restrictions = reject_non_fqdn_recipient, check_recipient_access ${tables[2]}, ` +
    `check_policy_service inet:127.0.0.1:${policyPort}, permit`,
  ];
}

/** Starts the policy service and learns its port. */
async function startPolicyService(): Promise<{ readonly child: Deno.ChildProcess; readonly port: number }> {
  const script = new URL("policy_server.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), { args: ["run", "-A", script], stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return { child, port: Number(new TextDecoder().decode(value).trim()) };
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      rounds: { type: "string", default: "3" },
      directory: { type: "string", default: "/var/tmp" },
      write: { type: "boolean" },
    },
  });
  const rounds = Number(values.rounds);
  if (!isRoot()) return 1;
  const base = scratchDirectory(values.directory);
  const sink = startSink();
  const policy = await startPolicyService();
  const peers = bothPeers(base, { sinkPort: sink.port, extra: restrictions(base, policy.port) });
  const results = new Map<string, RelayResult[]>(peers.map(({ name }) => [name, []]));
  try {
    for (const peer of peers) await peer.start();
    await new Promise((done) => setTimeout(done, 2000));
    // One round that does not count: both have their connections and caches then.
    for (let round = -1; round < rounds; round++) {
      for (const peer of peers) {
        const result = await relay(peer, LOAD);
        console.error(
          `${LOAD.name}: ${peer.name} ${result.messagesPerSecond.toFixed(1)}/s ${result.cpuMs.toFixed(2)} ms`,
        );
        if (round >= 0) results.get(peer.name)!.push(result);
      }
    }
  } finally {
    for (const peer of peers) await peer.stop().catch((error) => console.error(error.message));
    policy.child.kill();
    await Promise.all([sink.stop(), policy.child.status]);
    Deno.removeSync(base, { recursive: true });
  }
  const row = (name: string, unit: string, goal: string, of: (result: RelayResult) => number): Row => ({
    name,
    unit,
    postfix: results.get("Postfix")!.map(of),
    postel: results.get("Postel")!.map(of),
    goal,
  });
  const text = table([
    row(LOAD.name, "messages/s", `ratio at least ${LOAD.goal}`, ({ messagesPerSecond }) => messagesPerSecond),
    row(`${LOAD.name}: CPU`, "ms a message", "ratio at most 0.33", ({ cpuMs }) => cpuMs),
  ]);
  console.log(text);
  if (values.write) {
    Deno.writeTextFileSync(
      new URL("access-results.md", import.meta.url),
      `# Access control benchmark\n\nMade by \`deno run -A bench/access.ts --rounds ${rounds} --write\`; see [results.md](results.md) for how.\nThe lists ask three hash tables and, over TCP, a policy service that always says DUNNO.\n\n${text}\n`,
    );
  }
  return 0;
}

if (import.meta.main) Deno.exit(await main());
