import { basename } from "node:path";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { type Config, ConfigError, DEFAULT_DIRECTORY, loadConfig } from "../core/config/mod.ts";
import {
  type LogEntry,
  Logger,
  logSettings,
  type LogSink,
  openLog,
  streamSink,
  teeSink,
} from "../core/log/mod.ts";
import * as admin from "../daemon/admin/mod.ts";
import { QueueNotChecked } from "../daemon/master/mod.ts";
import { getopt, type ParsedOptions, UsageError } from "./getopt.ts";

export const help = `
Usage: postfix [-Dv] [-c config_dir] command

  start, start-fg        start the mail system, in the background or in the foreground
  stop, abort            end it, in order or at once
  reload                 read the configuration again
  flush                  try deferred mail now
  status                 say whether it runs (exit code 0) or not (1)
  check                  look the installation over
  logrotate              rotate maillog_file
  set-permissions        mend owners and modes
  upgrade-configuration  add services that newer releases need to master.cf
  tls subcommand         client and server TLS settings

  -c config_dir  the configuration directory (default: MAIL_CONFIG, then /etc/postfix)
  -v             with start and start-fg: verbose logging of all services
  -D             with start and start-fg: run debugger_command for each process
`;

const COMMANDS =
  "Usage: postfix start (or stop, reload, abort, flush, check, status, set-permissions, upgrade-configuration, logrotate)";

interface Invocation {
  readonly action: string;
  readonly operands: readonly string[];
  readonly deps: admin.AdminDeps;
}

type Action = (invocation: Invocation) => Promise<number> | number;

const print = (line: string) => console.log(line);

function say(text: string): number {
  print(text);
  return 0;
}

/** Looks the installation over; an exit code if it can't be used. */
async function checked({ deps }: Invocation, withQueueFiles: boolean): Promise<number | undefined> {
  const { checkInstallation } = await import("../daemon/admin/check/mod.ts");
  if (await checkInstallation(deps, withQueueFiles)) {
    const { settingsWithoutEffect } = await import("../daemon/adopt/mod.ts");
    for (const text of settingsWithoutEffect(deps.config)) deps.log.warning(text);
    return undefined;
  }
  deps.log.fatal("Postfix integrity check failed!");
  return 1;
}

/** Was the last stop a `quick-stop`? Then this start makes no checks; the mark that says so is used up. */
function isQuickStart({ deps }: Invocation): boolean {
  try {
    Deno.removeSync(quickStartMark(deps.config));
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

/** The file that says that the next start may leave out the checks. */
function quickStartMark(config: Config): string {
  return `${config.string("queue_directory")}/quick-start`;
}

/** Misnamed queue files would be lost to the mail system: they get their right names before it starts. */
function queueChecked({ deps }: Invocation): number | undefined {
  if (admin.repairQueue(deps) === 0) return undefined;
  deps.log.fatal("Postfix integrity check failed!");
  return 1;
}

/** The same while the mail system starts. Rejects if it must not. */
async function checkQueueMeanwhile({ deps }: Invocation): Promise<void> {
  if (await admin.repairQueueMeanwhile(deps) === 0) return;
  deps.log.fatal("Postfix integrity check failed!");
  throw new QueueNotChecked();
}

/** Says what is wrong with single queue files, once the mail system runs: a hundred thousand take half a second. */
async function sayForeignFiles({ deps }: Invocation): Promise<void> {
  const { checkQueueFiles } = await import("../daemon/admin/check/mod.ts");
  for (const { text } of checkQueueFiles(deps.config)) deps.log.warning(text);
}

const ACTIONS: Readonly<Record<string, Action>> = {
  start: async (invocation) => {
    const { deps } = invocation;
    if (admin.isRunning(deps)) return admin.alreadyRunning(deps);
    if (isQuickStart(invocation)) return await admin.start(deps, false);
    const code = await checked(invocation, false) ?? await admin.start(deps, true);
    if (code === 0) await sayForeignFiles(invocation);
    return code;
  },
  "start-fg": async (invocation) => {
    const { deps } = invocation;
    if (admin.isRunning(deps)) return admin.alreadyRunning(deps);
    const quick = isQuickStart(invocation);
    const code = quick ? undefined : await checked(invocation, false);
    if (code !== undefined) return code;
    if (deps.config.list("multi_instance_directories").length > 0) {
      deps.log.fatal("start-fg does not support multi_instance_directories");
      return 1;
    }
    deps.log.info("starting the Postfix mail system");
    deps.log.sink.flush();
    const { runForeground } = await import("./daemon.ts");
    const options = { directory: deps.config.directory, singleProcess: process.geteuid?.() !== 0 };
    if (quick) return await runForeground(options, () => {});
    const queueChecked = checkQueueMeanwhile(invocation);
    return await runForeground({ ...options, queueChecked }, () => void sayForeignFiles(invocation));
  },
  stop: ({ deps }) => admin.stop(deps),
  abort: ({ deps }) => admin.abort(deps),
  drain: ({ deps }) => admin.drain(deps),
  "quick-stop": async ({ deps }) => {
    await admin.stop(deps);
    Deno.writeTextFileSync(quickStartMark(deps.config), "");
    return 0;
  },
  start_msg: () => say("Start postfix"),
  stop_msg: () => say("Stop postfix"),
  reload: async (invocation) => {
    const { deps } = invocation;
    if (!admin.isRunning(deps)) return admin.reload(deps);
    const { inspectInstallation } = await import("../daemon/admin/check/mod.ts");
    const fatal = (await inspectInstallation(deps.config)).filter(({ severity }) => severity === "fatal");
    for (const { text } of fatal) deps.log.fatal(text);
    return fatal.length > 0 ? 1 : admin.reload(deps);
  },
  flush: async ({ deps }) =>
    await (await import("./postqueue.ts")).run(["-c", deps.config.directory, "-f"], "postqueue"),
  status: ({ deps }) => admin.status(deps),
  check: async (invocation) => await checked(invocation, true) ?? queueChecked(invocation) ?? 0,
  logrotate: ({ deps, operands }) => {
    if (operands.length === 0) return admin.logrotate(deps);
    deps.log.fatal("usage postfix logrotate (no arguments)");
    return 1;
  },
  "set-permissions": ({ deps }) => admin.setPermissions(deps),
  "upgrade-configuration": ({ deps }) => admin.upgradeConfiguration(deps, print),
  "post-install": ({ deps, operands }) => postInstall(deps, operands),
  tls: ({ deps, operands }) => {
    const log = deps.log.as(deps.log.tag.replace(/postfix-script$/, "postfix-tls-script"));
    return admin.tls({ config: deps.config, log, print }, operands);
  },
};

/** What packages' installation scripts call. */
async function postInstall(deps: admin.AdminDeps, operands: readonly string[]): Promise<number> {
  const { prepareDirectories } = await import("../daemon/master/mod.ts");
  const actions: Readonly<Record<string, () => number>> = {
    "create-missing": () => {
      prepareDirectories(deps.config);
      return 0;
    },
    "set-permissions": () => admin.setPermissions(deps),
    "upgrade-permissions": () => admin.setPermissions(deps),
    "upgrade-configuration": () => admin.upgradeConfiguration(deps, print),
    "upgrade-source": () => admin.upgradeConfiguration(deps, print) || admin.setPermissions(deps),
    "upgrade-package": () => admin.upgradeConfiguration(deps, print) || admin.setPermissions(deps),
    "first-install-reminder": () => 0,
  };
  const wanted = operands.filter((word) => !word.includes("="));
  const unknown = wanted.find((word) => actions[word] === undefined);
  if (wanted.length === 0 || unknown !== undefined) {
    console.error(
      `post-install: Error: Usage: post-install command, one of ${Object.keys(actions).join(", ")}`,
    );
    return 1;
  }
  for (const word of wanted) {
    const code = actions[word]!();
    if (code !== 0) return code;
  }
  return 0;
}

/**
 * Everything goes to the mail log, which may belong to root; what goes wrong is said on standard error as well, the rest
 * only to a terminal.
 */
function openActionLog(config: Config, action: string): Logger {
  const settings = logSettings(config);
  const toTerminal: LogSink = {
    write(entry: LogEntry) {
      if (entry.level === "info" && !process.stderr.isTTY) return;
      console.error(`${entry.tag}: ${entry.level === "info" ? "" : `${entry.level}: `}${entry.text}`);
    },
    flush() {},
  };
  const tag = `${config.string("syslog_name")}/postfix-script`;
  if (settings.file === "/dev/stdout") {
    return new Logger(
      action === "start-fg" ? streamSink(1, settings.format, settings.host) : toTerminal,
      tag,
    );
  }
  if (settings.file === "" && !hasSyslog()) return new Logger(toTerminal, tag);
  let toLog: LogSink;
  try {
    toLog = openLog(settings);
  } catch (error) {
    if (process.geteuid?.() === 0) throw error;
    // An ordinary user may ask for the status without a say in the log.
    return new Logger(toTerminal, tag);
  }
  return new Logger(teeSink(toTerminal, toLog), tag);
}

/** Without a syslog socket the log would be standard error, where everything is said already. */
function hasSyslog(): boolean {
  try {
    Deno.statSync("/dev/log");
    return true;
  } catch {
    return false;
  }
}

/** Another user's mail system is not to be meddled with. */
function mayAct(queueDirectory: string): boolean {
  const uid = process.geteuid?.() ?? 0;
  return uid === 0 || Deno.statSync(queueDirectory).uid === uid;
}

function usage(problem?: string): number {
  if (problem !== undefined) console.error(`postfix: ${problem}`);
  console.error("postfix: fatal: usage: postfix [-c config_dir] [-Dv] command");
  return 1;
}

/** Hands the command on to the multi-instance manager (postfix-wrapper(5)); its exit code. */
async function runWrapper(config: Config, operands: readonly string[]): Promise<number> {
  const [program, ...args] = config.list("multi_instance_wrapper");
  if (program === undefined) {
    console.error("postfix: fatal: multi-instance support is requested, but multi_instance_wrapper is empty");
    return 1;
  }
  if (basename(program) === "postmulti") {
    return await (await import("./postmulti.ts")).run([...args, ...operands]);
  }
  return spawnSync(program, [...args, ...operands], { stdio: "inherit" }).status ?? 1;
}

/** postfix(1). */
export async function run(args: string[]): Promise<number> {
  let parsed: ParsedOptions;
  try {
    parsed = getopt(args, "c:Dv");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return usage(error.message);
  }
  const [action = "", ...operands] = parsed.operands;
  const directory = parsed.options.findLast(({ letter }) => letter === "c")?.value;
  // As with Postfix, whatever is started finds these in its environment, by way of postmulti(1) too.
  const verbosity = parsed.options.filter(({ letter }) => letter === "v").length;
  if (verbosity > 0) Deno.env.set("MAIL_VERBOSE", String(verbosity));
  if (parsed.options.some(({ letter }) => letter === "D")) Deno.env.set("MAIL_DEBUG", "");
  let invocation: Invocation;
  try {
    const config = loadConfig(directory === undefined ? {} : { directory });
    const single = directory !== undefined || Deno.env.get("MAIL_CONFIG") !== undefined;
    if (
      !single && config.directory === DEFAULT_DIRECTORY &&
      config.list("multi_instance_directories").length > 0
    ) {
      return await runWrapper(config, parsed.operands);
    }
    invocation = { action, operands, deps: { config, log: openActionLog(config, action) } };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    console.error(`postfix: fatal: ${error.message}`);
    return 1;
  }
  const { config, log } = invocation.deps;
  try {
    const perform = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (perform === undefined) {
      log.fatal(`unknown command: '${action}'. ${COMMANDS}`);
      return 1;
    }
    const queue = config.string("queue_directory");
    const exists = existsDirectory(queue);
    if (!exists && ["status", "stop", "abort", "reload", "drain", "quick-stop"].includes(action)) {
      log.fatal(`no Postfix queue directory ${queue}!`);
      return 1;
    }
    if (exists && !mayAct(queue)) {
      log.fatal("the postfix command is reserved for the superuser");
      return 1;
    }
    return await perform(invocation);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    log.fatal(error.message);
    return 1;
  } finally {
    log.sink.flush();
  }
}

function existsDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
