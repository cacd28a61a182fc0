import { basename } from "node:path";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { type Config, ConfigError, DEFAULT_DIRECTORY, loadConfig } from "../core/config/mod.ts";
import { getopt, type ParsedOptions, UsageError } from "./getopt.ts";
import { findAction, type Invocation } from "./postfix_actions.ts";
import { openActionLog } from "./postfix_log.ts";

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
    invocation = { operands, deps: { config, log: openActionLog(config, action) } };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    console.error(`postfix: fatal: ${error.message}`);
    return 1;
  }
  const { config, log } = invocation.deps;
  try {
    const perform = findAction(action);
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
