/**
 * Sessions that cost cryptography, beside real Postfix: TLS on every connection with ECDSA and with RSA keys, and AUTH
 * PLAIN against the password file of SASL. Needs root, Debian's postfix, sasl2-bin and the openssl command.
 *
 *   deno run -A bench/sessions.ts [--rounds N] [--rows NAME,NAME] [--directory DIR]
 *
 * Both spools are in a new directory below DIR, /var/tmp by default.
 */
import { parseArgs } from "node:util";
import { setSasldbPassword } from "../core/sasl/mod.ts";
import { makeCertificate } from "../core/tls/testing.ts";
import { type Peer, type PeerSettings, postelPeer, postfixPeer } from "./peers.ts";
import { treeUsage } from "./process_tree.ts";
import { scratchDirectory, startSink } from "./scratch.ts";
import { type Row, table } from "./table.ts";

interface Load {
  readonly name: string;
  readonly key: "ec" | "rsa";
  readonly count: number;
  readonly options: readonly string[];
  readonly goal: string;
  /** There is nothing to compare with: the goal is a rate. */
  readonly alone?: boolean;
}

const PASSWORD = "correct horse";

const LOADS: readonly Load[] = [
  {
    name: "TLS, ECDSA P-256, 4 KB, 20 sessions",
    key: "ec",
    count: 1500,
    options: ["tls", "size=4096"],
    goal: "ratio at least 1.5",
  },
  {
    name: "TLS, RSA 2048, 4 KB, 20 sessions",
    key: "rsa",
    count: 1500,
    options: ["tls", "size=4096"],
    goal: "ratio at least 1.5",
  },
  { name: "TLS, ECDSA, handshake only", key: "ec", count: 2000, options: ["tls"], goal: "" },
  { name: "TLS, RSA, handshake only", key: "rsa", count: 1500, options: ["tls"], goal: "" },
  {
    name: "AUTH PLAIN with sasldb",
    key: "ec",
    count: 6000,
    options: [`auth=carol:${PASSWORD}`],
    goal: "Postel 2000",
    alone: true,
  },
];

interface Result {
  readonly rate: number;
  /** Milliseconds of CPU a session, all processes of the peer. */
  readonly cpuMs: number;
}

async function run(peer: Peer, load: Load, certificates: string): Promise<Result> {
  const before = treeUsage(peer.pid(), false).cpuSeconds;
  const options = load.options.map((word) => word === "tls" ? `tls=${certificates}/ca.pem` : word);
  const start = performance.now();
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", new URL("client_load.ts", import.meta.url).pathname],
      ...[String(peer.port), String(load.count), "20", ...options],
    ],
    stderr: "piped",
  }).output();
  const seconds = (performance.now() - start) / 1000;
  if (!success) throw new Error(`${peer.name}: ${new TextDecoder().decode(stderr)}`);
  const used = treeUsage(peer.pid(), false).cpuSeconds - before;
  return { rate: load.count / seconds, cpuMs: used * 1000 / load.count };
}

function settings(base: string, name: string, key: Load["key"], sinkPort: number): PeerSettings {
  const certificates = `${base}/certificates`;
  return {
    directory: `${base}/${name}-${key}`,
    sinkPort,
    extra: [
      `smtpd_tls_cert_file = ${certificates}/${key}.pem`,
      `smtpd_tls_key_file = ${certificates}/${key}.key`,
      "smtpd_tls_security_level = may",
      "smtpd_tls_loglevel = 1",
      "smtpd_sasl_auth_enable = yes",
      `cyrus_sasl_config_path = ${base}/sasl`,
      "smtpd_sasl_local_domain = bench.example",
    ],
  };
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      rounds: { type: "string", default: "3" },
      rows: { type: "string" },
      directory: { type: "string", default: "/var/tmp" },
    },
  });
  const wanted = values.rows?.split(",");
  const loads = LOADS.filter(({ name }) =>
    wanted === undefined || wanted.some((word) => name.includes(word))
  );
  const base = scratchDirectory(values.directory);
  const certificates = `${base}/certificates`;
  for (const part of [certificates, `${base}/sasl`]) Deno.mkdirSync(part);
  makeCertificate(certificates, "ca", "Bench CA", { authority: true });
  makeCertificate(certificates, "ec", "localhost", { ca: "ca" });
  makeCertificate(certificates, "rsa", "localhost", { ca: "ca", key: "rsa" });
  Deno.writeTextFileSync(
    `${base}/sasl/smtpd.conf`,
    `pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: ${base}/sasl/db\nmech_list: PLAIN\n`,
  );
  setSasldbPassword(`${base}/sasl/db`, "carol", "bench.example", new TextEncoder().encode(PASSWORD), 0);
  Deno.chmodSync(`${base}/sasl/db`, 0o644);
  const sink = startSink();
  const rows: Row[] = [];
  try {
    for (const key of ["ec", "rsa"] as const) {
      const mine = loads.filter((load) => load.key === key);
      if (mine.length === 0) continue;
      const peers = [
        postfixPeer(settings(base, "postfix", key, sink.port)),
        postelPeer(settings(base, "postel", key, sink.port)),
      ];
      const started: Peer[] = [];
      try {
        for (const peer of peers) {
          await peer.start();
          started.push(peer);
        }
        for (const load of mine) {
          const results = new Map<Peer, Result[]>(peers.map((peer) => [peer, []]));
          for (let round = -1; round < Number(values.rounds); round++) {
            for (const peer of load.alone === true ? peers.slice(1) : peers) {
              const result = await run(peer, load, certificates);
              console.error(
                `${load.name}: ${peer.name} ${result.rate.toFixed(0)}/s ${result.cpuMs.toFixed(2)} ms`,
              );
              if (round >= 0) results.get(peer)!.push(result);
            }
          }
          const [postfix, postel] = peers.map((peer) => results.get(peer)!);
          const row = { name: load.name, postfix: postfix!, postel: postel! };
          rows.push({
            name: load.name,
            unit: "sessions/s",
            postfix: row.postfix.map(({ rate }) => rate),
            postel: row.postel.map(({ rate }) => rate),
            goal: load.goal,
          }, {
            name: `${load.name}: CPU`,
            unit: "ms a session",
            postfix: row.postfix.map(({ cpuMs }) => cpuMs),
            postel: row.postel.map(({ cpuMs }) => cpuMs),
            goal: "",
          });
        }
      } finally {
        for (const peer of started) await peer.stop().catch((error) => console.error(error.message));
      }
    }
  } finally {
    await sink.stop();
    Deno.removeSync(base, { recursive: true });
  }
  console.log(table(rows));
  return 0;
}

if (import.meta.main) Deno.exit(await main());
