/** The two mail systems that are measured: real Postfix and Postel, each as a private instance with the same main.cf. */
import { freePort } from "../core/system/free_port_testing.ts";
import { selfCommand } from "../core/system/mod.ts";
import { INTERNAL_SERVICES } from "../daemon/master/mod.ts";

export interface Peer {
  readonly name: "Postfix" | "Postel";
  readonly directory: string;
  readonly port: number;
  /** Process id of the master. */
  pid(): number;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Runs one of the mail system's own programs (`postsuper`) on this instance. */
  tool(name: string, args: readonly string[]): Promise<void>;
}

export interface PeerSettings {
  readonly directory: string;
  /** Where all mail goes on to. */
  readonly sinkPort: number;
  /** Further main.cf lines. */
  readonly extra?: readonly string[];
}

function mainCf({ directory, sinkPort, extra = [] }: PeerSettings): string {
  const lines = [
    "compatibility_level = 3.6",
    "mail_owner = postfix",
    `queue_directory = ${directory}/queue`,
    `data_directory = ${directory}/data`,
    "myhostname = bench.example",
    "mydestination =",
    "mynetworks = 127.0.0.0/8",
    "inet_interfaces = 127.0.0.1",
    "inet_protocols = ipv4",
    `relayhost = [127.0.0.1]:${sinkPort}`,
    "alias_maps =",
    "local_recipient_maps =",
    "smtputf8_enable = yes",
    `maillog_file = ${directory}/log/mail.log`,
    `maillog_file_prefixes = ${directory}`,
    ...extra,
  ];
  // Each parameter once: Postfix warns of lines that override others, and may wait for its own log then, which nobody reads.
  const settings = new Map(lines.map((line) => [line.slice(0, line.indexOf("=")).trim(), line]));
  return [...settings.values()].join("\n") + "\n";
}

function masterCf(port: number): string {
  return `127.0.0.1:${port} inet n - n - 4000 smtpd\ntlsmgr unix - - n 1000? 1 tlsmgr\n${INTERNAL_SERVICES}`;
}

/** Makes the instance's directories and configuration; its configuration directory. */
function layOut(settings: PeerSettings, port: number): string {
  const etc = `${settings.directory}/etc`;
  for (const part of ["etc", "queue", "data", "log"]) {
    Deno.mkdirSync(`${settings.directory}/${part}`, { recursive: true });
  }
  Deno.writeTextFileSync(`${etc}/main.cf`, mainCf(settings));
  Deno.writeTextFileSync(`${etc}/master.cf`, masterCf(port));
  return etc;
}

async function must(program: string, args: string[], env: Record<string, string> = {}): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, env, stdout: "null", stderr: "piped" })
    .output();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

async function untilOpen(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((done) => setTimeout(done, 50));
    }
  }
  throw new Error(`Nothing listens on port ${port} after 10 seconds`);
}

function masterPid(directory: string): number {
  return parseInt(Deno.readTextFileSync(`${directory}/queue/pid/master.pid`).trim(), 10);
}

/** Both, in directories below `base`. */
export function bothPeers(
  base: string,
  settings: Omit<PeerSettings, "directory">,
): [postfix: Peer, postel: Peer] {
  return [
    postfixPeer({ ...settings, directory: `${base}/postfix` }),
    postelPeer({ ...settings, directory: `${base}/postel` }),
  ];
}

/** Real Postfix; needs root and Debian's package. */
export function postfixPeer(settings: PeerSettings): Peer {
  const port = freePort();
  const etc = layOut(settings, port);
  return {
    name: "Postfix",
    directory: settings.directory,
    port,
    pid: () => masterPid(settings.directory),
    async start() {
      await must("chown", ["postfix", `${settings.directory}/data`]);
      await must("postfix", ["start"], { MAIL_CONFIG: etc });
      await untilOpen(port);
    },
    stop: () => must("postfix", ["stop"], { MAIL_CONFIG: etc }),
    tool: (name, args) => must(name, ["-c", etc, ...args]),
  };
}

/** Postel, as the checkout beside this file. */
export function postelPeer(settings: PeerSettings): Peer {
  const port = freePort();
  const etc = layOut(settings, port);
  const { program, args: first } = selfCommand();
  return {
    name: "Postel",
    directory: settings.directory,
    port,
    pid: () => masterPid(settings.directory),
    async start() {
      await must("chown", ["postfix", `${settings.directory}/data`]);
      await must(program, [...first, "postfix", "-c", etc, "start"]);
      await untilOpen(port);
    },
    stop: () => must(program, [...first, "postfix", "-c", etc, "stop"]),
    tool: (name, args) => must(program, [...first, name, "-c", etc, ...args]),
  };
}
