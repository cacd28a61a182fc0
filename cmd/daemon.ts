import process from "node:process";
import { ConfigError, loadConfig } from "../core/config/mod.ts";
import { messageOf } from "../core/errors/mod.ts";
import { serviceSelfCommand } from "../core/system/mod.ts";
import {
  ALL_ROLES,
  AlreadyRunning,
  linesOf,
  type Master,
  QUEUE_CHECK_OPTION,
  QUEUE_CHECKED,
  QueueNotChecked,
  type Role,
  sendReport,
  startMaster,
} from "../daemon/master/mod.ts";
import { getopt, UsageError } from "./getopt.ts";

export const help = `
Usage: postel daemon [-Dv] [-c config_dir] [--single-process]

Runs the mail system in the foreground until SIGTERM or Ctrl-C. SIGHUP re-reads the configuration.
As root, services run in processes of their own that give up root; as an ordinary user, and with
--single-process, they share one process.

  -c config_dir     the configuration directory (default: MAIL_CONFIG, then /etc/postfix)
  --single-process  all services in this process
  -v                verbose logging of all services
  -D                run debugger_command for each process
`;

/** Seconds that a stop may take before what is left is cut off; `postfix stop` waits a little longer. */
const STOP_SECONDS = 4;

/** How the daemon is run. */
export interface ForegroundOptions {
  /** Configuration directory; undefined for the usual one. */
  readonly directory: string | undefined;
  readonly singleProcess: boolean;
  /** The queue manager waits for this. */
  readonly queueChecked?: Promise<void>;
  /** How often `-v` was given; by default as the environment says. */
  readonly verbosity?: number;
  /** Run debugger_command for each process; by default as the environment says. */
  readonly debugged?: boolean;
}

interface Options extends ForegroundOptions {
  readonly role: Role | undefined;
  readonly report: boolean;
}

function parse(args: string[]): Options {
  const long = new Set(args.filter((word) => word.startsWith("--")));
  const role = [...long].find((word) => word.startsWith("--role="))?.slice("--role=".length);
  for (const word of long) {
    if (!["--single-process", "--report", QUEUE_CHECK_OPTION].includes(word) && !word.startsWith("--role=")) {
      throw new UsageError(`unknown option ${word}`);
    }
  }
  const { options, operands } = getopt(args.filter((word) => !word.startsWith("--")), "c:vD");
  if (operands.length > 0) throw new UsageError(`unexpected argument "${operands[0]}"`);
  const verbosity = options.filter(({ letter }) => letter === "v").length;
  return {
    ...(verbosity > 0 ? { verbosity } : {}),
    ...(options.some(({ letter }) => letter === "D") ? { debugged: true } : {}),
    directory: options.findLast(({ letter }) => letter === "c")?.value,
    singleProcess: long.has("--single-process") || process.geteuid?.() !== 0,
    role: role as Role | undefined,
    report: long.has("--report"),
    ...(long.has(QUEUE_CHECK_OPTION) ? { queueChecked: untilToldChecked() } : {}),
  };
}

/** Whoever starts the daemon looks the queue over meanwhile, and says so on standard input. */
async function untilToldChecked(): Promise<void> {
  for await (const line of linesOf(Deno.stdin.readable)) if (line === QUEUE_CHECKED) return;
  throw new QueueNotChecked();
}

/** What postfix(1) asks for in the environment: a number, or just there. */
function wished(name: "MAIL_VERBOSE" | "MAIL_DEBUG"): number {
  const value = Deno.env.get(name);
  return value === undefined ? 0 : Number(value) || 1;
}

/** `postel daemon`. Exit code 0 after an orderly stop, 64 for wrong usage, 1 when it can't start. */
export async function run(args: string[]): Promise<number> {
  let options: Options;
  try {
    options = parse(args);
  } catch (error) {
    console.error(`postel daemon: ${messageOf(error)}`);
    return 64;
  }
  // As Postfix's master has it: what is made here, also by commands that mail is delivered to, is closed to others.
  Deno.umask(0o077);
  const load = () => loadConfig(options.directory === undefined ? {} : { directory: options.directory });
  if (options.role !== undefined) {
    const { runRole } = await import("../daemon/master/role.ts");
    const { verbosity = 0, debugged = false } = options;
    return await runRole(options.role, load, { verbosity, debugged });
  }
  return await runForeground(options, () => {
    if (options.report) sendReport({ report: "ready" });
  }, (text) => {
    if (options.report) sendReport({ report: "failed", text });
    else console.error(`postel daemon: fatal: ${text}`);
  });
}

/**
 * Runs the mail system until a signal ends it.
 * @param onReady called when all services are up
 * @param onFailure called with the reason when it can't start
 * @returns exit code: 0 after an orderly stop, 1 when it could not start
 */
export async function runForeground(
  options: ForegroundOptions,
  onReady: () => void,
  onFailure: (text: string) => void = (text) => console.error(`postel: fatal: ${text}`),
): Promise<number> {
  const verbosity = options.verbosity ?? wished("MAIL_VERBOSE");
  const debugged = options.debugged ?? wished("MAIL_DEBUG") > 0;
  const where = options.directory === undefined ? {} : { directory: options.directory };
  try {
    const master = await startMaster({
      loadConfig: () => loadConfig(where),
      singleProcess: options.singleProcess,
      debugged,
      ...(options.queueChecked === undefined ? {} : { queueChecked: options.queueChecked }),
      command: (role) =>
        serviceSelfCommand(
          "daemon",
          `--role=${role}`,
          ...Array<string>(verbosity).fill("-v"),
          ...(debugged ? ["-D"] : []),
          ...(options.directory === undefined ? [] : ["-c", options.directory]),
        ),
      startRuntime: async (config, entries, log) => {
        const { startRuntime } = await import("../daemon/master/runtime.ts");
        return await startRuntime({ config, entries, roles: ALL_ROLES, sink: log.sink, verbosity });
      },
    });
    // Whoever hears that the system is ready may send a signal at once.
    const stopped = untilStopped(master);
    onReady();
    await stopped;
    return 0;
  } catch (error) {
    onFailure(messageOf(error));
    const expected = [ConfigError, AlreadyRunning, QueueNotChecked].some((known) => error instanceof known);
    if (!expected) throw error;
    return 1;
  }
}

/** Serves signals until one asks for the end. */
async function untilStopped(master: Master): Promise<void> {
  const ended = Promise.withResolvers<number>();
  const term = () => ended.resolve(15);
  const interrupt = () => ended.resolve(2);
  const hangup = () => void master.reload();
  Deno.addSignalListener("SIGTERM", term);
  Deno.addSignalListener("SIGINT", interrupt);
  Deno.addSignalListener("SIGHUP", hangup);
  const signal = await ended.promise;
  master.log.info(`terminating on signal ${signal}`, "terminating", { signal });
  await master.stop(STOP_SECONDS);
  Deno.removeSignalListener("SIGTERM", term);
  Deno.removeSignalListener("SIGINT", interrupt);
  Deno.removeSignalListener("SIGHUP", hangup);
}
