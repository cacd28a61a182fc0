/** A private real Postfix for the exchange tests, and ways to run its commands and ours on the same queue. */
import { existsSync } from "node:fs";
import process from "node:process";
import { lookupUser, selfCommand } from "../core/system/mod.ts";
import { type Ran, runProgram } from "../core/system/run_testing.ts";

/** Can a private Postfix be run here? It takes root and an installed Postfix. */
export const canRunPostfix = process.geteuid?.() === 0 && existsSync("/usr/sbin/postqueue") &&
  existsSync("/usr/lib/postfix/sbin/showq") && lookupUser("postfix") !== undefined;

export interface PrivatePostfix {
  /** Its directory; the queue is below `spool`. */
  readonly directory: string;
  readonly queue: string;
  /** Runs a command of the real Postfix. */
  real(name: string, args: readonly string[], input?: string): Promise<Ran>;
  /** Runs ours. */
  ours(name: string, args: readonly string[], input?: string): Promise<Ran>;
  /** Sets a parameter in main.cf. */
  set(line: string): void;
  /** Gives all queue files and hash directories to the mail system's user. */
  giveAway(): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  log(): string;
  remove(): Promise<void>;
}

/** A port that nobody listens on, so that every delivery is deferred. */
function closedPort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

const MASTER_CF = `
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       n       -       -       smtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
local     unix  -       n       n       -       -       local
postlog   unix-dgram n  -       n       -       1       postlogd
`;

function configure(directory: string): void {
  const config = `${directory}/conf`;
  Deno.mkdirSync(config);
  Deno.mkdirSync(`${directory}/data`);
  Deno.mkdirSync(`${directory}/spool`);
  Deno.chmodSync(directory, 0o755);
  const owner = lookupUser("postfix")!;
  Deno.chownSync(`${directory}/data`, owner.uid, owner.gid);
  for (const name of ["dynamicmaps.cf", "postfix-files", "post-install", "postfix-script"]) {
    if (existsSync(`/etc/postfix/${name}`)) Deno.copyFileSync(`/etc/postfix/${name}`, `${config}/${name}`);
  }
  Deno.writeTextFileSync(`${config}/master.cf`, MASTER_CF);
  Deno.writeTextFileSync(
    `${config}/main.cf`,
    `compatibility_level = 3.6
queue_directory = ${directory}/spool
data_directory = ${directory}/data
maillog_file = ${directory}/data/maillog
maillog_file_prefixes = ${directory}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.com
mydestination =
alias_maps =
alias_database =
relayhost = [127.0.0.1]:${closedPort()}
fast_flush_domains = example.org
minimal_backoff_time = 4000s
maximal_backoff_time = 4000s
`,
  );
}

function chownAll(path: string): void {
  const owner = lookupUser("postfix")!;
  for (const entry of Deno.readDirSync(path)) {
    Deno.chownSync(`${path}/${entry.name}`, owner.uid, owner.gid);
    if (entry.isDirectory) chownAll(`${path}/${entry.name}`);
  }
}

/** Makes the directories and the configuration of a private Postfix; it is not running yet. */
export function privatePostfix(): PrivatePostfix {
  const directory = Deno.makeTempDirSync({ prefix: "postel-exchange-" });
  configure(directory);
  const env = { MAIL_CONFIG: `${directory}/conf` };
  const real = (name: string, args: readonly string[], input = "") =>
    runProgram(`/usr/sbin/${name}`, args, { env, input });
  let running = false;
  return {
    directory,
    queue: `${directory}/spool`,
    real,
    ours(name, args, input = "") {
      const command = selfCommand(name, ...args);
      return runProgram(command.program, command.args, { env, input });
    },
    set(line) {
      const path = `${directory}/conf/main.cf`;
      const name = line.split("=")[0]!;
      const others = Deno.readTextFileSync(path).split("\n").filter((old) => !old.startsWith(name));
      Deno.writeTextFileSync(path, [...others, line, ""].join("\n"));
    },
    giveAway() {
      for (const name of ["incoming", "active", "deferred", "hold", "defer"]) {
        chownAll(`${directory}/spool/${name}`);
      }
    },
    async start() {
      const { code, stderr } = await real("postfix", ["start"]);
      if (code !== 0) throw new Error(`postfix start: ${stderr}`);
      running = true;
    },
    async stop() {
      if (running) await real("postfix", ["stop"]);
      running = false;
    },
    log: () => Deno.readTextFileSync(`${directory}/data/maillog`),
    async remove() {
      await this.stop();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Waits until something is so; for what another program does in its own time. */
export async function until(what: string, test: () => boolean | Promise<boolean>): Promise<void> {
  // Up to a minute: other tests may have the machine meanwhile.
  for (let count = 0; count < 1200; count++) {
    if (await test()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Waited in vain: ${what}`);
}
