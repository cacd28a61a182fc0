import process from "node:process";
import { writeAll } from "../../core/bytes/mod.ts";
import { type Config, ConfigError, type MasterEntry } from "../../core/config/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { asUser } from "../../core/system/mod.ts";
import { exportedEnvironment, killGroup } from "../command/mod.ts";
import { commandRights } from "../pipe/mod.ts";

/** What spawn(8) works with. */
export interface SpawnDeps {
  /** With the entry's `-o` settings in it. */
  readonly config: Config;
  readonly entry: MasterEntry;
  /** In the name of `postfix/spawn`. */
  readonly log: Logger;
}

/** The service of one entry. */
export interface SpawnService {
  /** Runs the command for a connection; resolves when both have ended. Rejects if the command can't be started. */
  serve(connection: Deno.Conn): Promise<void>;
}

/** Octets that are read at a time. */
const PIECE = 16384;

/** What an entry of master.cf says after `spawn`. */
interface SpawnCommand {
  readonly uid: number;
  readonly gid: number;
  readonly argv: readonly [string, ...string[]];
}

/** Reads `user=` and `argv=`. Throws `ConfigError` for what is missing or has rights that a command must not have. */
function readCommand(config: Config, entry: MasterEntry): SpawnCommand {
  const wrong = (text: string) => new ConfigError(text, entry.origin);
  const at = entry.arguments.findIndex((word) => word.startsWith("argv="));
  const before = entry.arguments.slice(0, at < 0 ? undefined : at);
  const unknown = before.find((word) => !word.startsWith("user="));
  if (unknown !== undefined) throw wrong(`unknown attribute name: ${unknown}`);
  const program = entry.arguments[at]?.slice("argv=".length) ?? "";
  if (program === "") throw wrong("missing argv= command-line attribute");
  const rights = commandRights(config, before.at(-1)?.slice("user=".length), wrong);
  return { ...rights, argv: [program, ...entry.arguments.slice(at + 1)] };
}

/** Makes the service of one entry of master.cf. Throws `ConfigError` if that can't be used. */
export function createSpawn({ config, entry, log }: SpawnDeps): SpawnService {
  const { uid, gid, argv } = readCommand(config, entry);
  const timeLimit = config.seconds(`${entry.name}_time_limit`);
  const [program, ...args] = argv;
  const command = new Deno.Command(program, {
    args,
    // With a user given, the runtime drops all supplementary groups.
    ...(process.geteuid?.() === 0 ? { uid, gid } : {}),
    cwd: directoryFor({ uid, gid }, config.string("queue_directory")),
    clearEnv: true,
    env: exportedEnvironment(config),
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    // A group of its own, so that all of it can be ended.
    detached: true,
  });
  let running = 0;
  const waiting: (() => void)[] = [];

  /** As many commands at a time as the entry's process limit says; others wait. */
  async function takePlace(): Promise<void> {
    if (entry.processLimit > 0 && running >= entry.processLimit) {
      await new Promise<void>((go) => waiting.push(go));
    }
    running += 1;
  }

  async function run(connection: Deno.Conn): Promise<void> {
    const euid = process.geteuid?.();
    if (euid !== 0 && euid !== uid) {
      throw new Error(`running as user ${euid}, not as root: cannot run a command as user ${uid}`);
    }
    const child = command.spawn();
    const timer = setTimeout(() => {
      log.warning(`command ${program} exceeded the time limit of ${timeLimit} seconds`);
      killGroup(child.pid);
    }, timeLimit * 1000);
    // Either side may leave whenever it likes.
    const there = carryIn(connection, child.stdin).catch(() => {});
    const back = carryOut(child.stdout, connection).catch(() => {});
    const status = await child.status;
    clearTimeout(timer);
    await back;
    closeQuietly(connection);
    await there;
    // The runtime tells a death by signal as exit status 128 plus its number, beside the name.
    if (status.signal !== null) log.warning(`command ${program} killed by signal ${status.code - 128}`);
    else if (status.code !== 0) log.warning(`command ${program} exit status ${status.code}`);
  }

  return {
    async serve(connection) {
      await takePlace();
      try {
        await run(connection);
      } finally {
        running -= 1;
        waiting.shift()?.();
      }
    },
  };
}

/** To the command until the client has no more to say; its answers may still be under way then. */
async function carryIn(connection: Deno.Conn, input: WritableStream<Uint8Array>): Promise<void> {
  const writer = input.getWriter();
  writer.closed.catch(() => {});
  const buffer = new Uint8Array(PIECE);
  try {
    for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
      await writer.write(buffer.slice(0, count));
    }
  } finally {
    await writer.close().catch(() => {});
  }
}

/** To the client until the command has no more to say. */
async function carryOut(output: ReadableStream<Uint8Array>, connection: Deno.Conn): Promise<void> {
  for await (const bytes of output) await writeAll(connection, bytes);
}

/** The queue directory, or `/` for a user who may not enter it. */
function directoryFor({ uid, gid }: { readonly uid: number; readonly gid: number }, queue: string): string {
  if (process.geteuid?.() !== 0) return queue;
  try {
    asUser({ uid, gid, groups: [gid] }, () => Deno.lstatSync(`${queue}/.`));
    return queue;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotFound) return "/";
    throw error;
  }
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // The client was faster.
  }
}
