/** The two mail systems that are measured: real Postfix and Postel, each as a private instance with the same main.cf. */

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
  readonly port: number;
  readonly sinkPort: number;
  /** Further main.cf lines. */
  readonly extra?: readonly string[];
}

function mainCf({ directory, sinkPort, extra = [] }: PeerSettings): string {
  return [
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
    "",
  ].join("\n");
}

function masterCf(port: number): string {
  return [
    `127.0.0.1:${port} inet n - n - 4000 smtpd`,
    "pickup unix n - n 60 1 pickup",
    "cleanup unix n - n - 0 cleanup",
    "qmgr unix n - n 300 1 qmgr",
    "rewrite unix - - n - - trivial-rewrite",
    "bounce unix - - n - 0 bounce",
    "defer unix - - n - 0 bounce",
    "trace unix - - n - 0 bounce",
    "verify unix - - n - 1 verify",
    "flush unix n - n 1000? 0 flush",
    "proxymap unix - - n - - proxymap",
    "smtp unix - - n - - smtp",
    "relay unix - - n - - smtp",
    "showq unix n - n - - showq",
    "error unix - - n - - error",
    "retry unix - - n - - error",
    "discard unix - - n - - discard",
    "local unix - n n - - local",
    "virtual unix - n n - - virtual",
    "lmtp unix - - n - - lmtp",
    "anvil unix - - n - 1 anvil",
    "scache unix - - n - 1 scache",
    "tlsmgr unix - - n 1000? 1 tlsmgr",
    "postlog unix-dgram n - n - 1 postlogd",
    "",
  ].join("\n");
}

function layOut(settings: PeerSettings): string {
  const etc = `${settings.directory}/etc`;
  for (const part of ["etc", "queue", "data", "log"]) {
    Deno.mkdirSync(`${settings.directory}/${part}`, { recursive: true });
  }
  Deno.writeTextFileSync(`${etc}/main.cf`, mainCf(settings));
  Deno.writeTextFileSync(`${etc}/master.cf`, masterCf(settings.port));
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

/** Real Postfix; needs root and Debian's package. */
export function postfixPeer(settings: PeerSettings): Peer {
  const etc = layOut(settings);
  return {
    name: "Postfix",
    directory: settings.directory,
    port: settings.port,
    pid: () => masterPid(settings.directory),
    async start() {
      await must("chown", ["postfix", `${settings.directory}/data`]);
      await must("postfix", ["start"], { MAIL_CONFIG: etc });
      await untilOpen(settings.port);
    },
    stop: () => must("postfix", ["stop"], { MAIL_CONFIG: etc }),
    tool: (name, args) => must(name, ["-c", etc, ...args]),
  };
}

/** Postel, as the checkout beside this file or as a compiled binary. */
export function postelPeer(settings: PeerSettings, program: readonly string[]): Peer {
  const etc = layOut(settings);
  const [command, ...first] = program;
  return {
    name: "Postel",
    directory: settings.directory,
    port: settings.port,
    pid: () => masterPid(settings.directory),
    async start() {
      await must("chown", ["postfix", `${settings.directory}/data`]);
      await must(command!, [...first, "postfix", "-c", etc, "start"]);
      await untilOpen(settings.port);
    },
    stop: () => must(command!, [...first, "postfix", "-c", etc, "stop"]),
    tool: (name, args) => must(command!, [...first, name, "-c", etc, ...args]),
  };
}
