import { ConfigError, loadConfig } from "../core/config/mod.ts";
import { Logger, logSettings, openLog, streamSink, teeSink } from "../core/log/mod.ts";
import * as admin from "../daemon/master/admin.ts";
import { getopt, UsageError } from "./getopt.ts";

export const help = `
Usage: postfix [-Dv] [-c config_dir] command

Commands: start, start-fg, stop, abort, reload, flush, status, check
`;

/** Runs one action; the exit code is the action's. */
async function act(action: string, deps: admin.AdminDeps): Promise<number | undefined> {
  switch (action) {
    case "start":
      return await checked(deps) ?? await admin.start(deps);
    case "start-fg":
      return await checked(deps) ?? await (await import("./daemon.ts")).run(["-c", deps.config.directory]);
    case "stop":
      return await admin.stop(deps);
    case "abort":
      return admin.abort(deps);
    case "reload":
      return await checked(deps) ?? admin.reload(deps);
    case "flush":
      return await admin.flush(deps);
    case "status":
      return admin.status(deps);
    case "check":
      return await checked(deps) ?? 0;
  }
  return undefined;
}

/** Looks the installation over; an exit code if it can't be used. */
async function checked(deps: admin.AdminDeps): Promise<number | undefined> {
  const { checkInstallation } = await import("../daemon/master/check.ts");
  return checkInstallation(deps) ? undefined : 1;
}

/** postfix(1). */
export async function run(args: string[]): Promise<number> {
  let parsed;
  try {
    parsed = getopt(args, "c:Dv");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`postfix: ${error.message}`);
    console.error("postfix: fatal: usage: postfix [-c config_dir] [-Dv] command");
    return 1;
  }
  const [action] = parsed.operands;
  if (action === undefined) {
    console.error("postfix: fatal: usage: postfix [-c config_dir] [-Dv] command");
    return 1;
  }
  const directory = parsed.options.findLast(({ letter }) => letter === "c")?.value;
  let log: Logger;
  let config;
  try {
    config = loadConfig(directory === undefined ? {} : { directory });
    const settings = logSettings(config);
    // The log may belong to root; what goes wrong is said on standard error as well.
    const toTerminal = {
      write: (entry: Parameters<ReturnType<typeof openLog>["write"]>[0]) => {
        if (entry.level === "info" && !Deno.stderr.isTerminal()) return;
        console.error(`${entry.tag}: ${entry.level === "info" ? "" : `${entry.level}: `}${entry.text}`);
      },
      flush() {},
    };
    const toLog = action === "start-fg" && settings.file === "/dev/stdout"
      ? streamSink(1, settings.format, settings.host)
      : openLog(settings);
    log = new Logger(teeSink(toTerminal, toLog), `${config.string("syslog_name")}/postfix-script`);
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof Error)) throw error;
    console.error(`postfix: fatal: ${error.message}`);
    return 1;
  }
  const code = await act(action, { config, log });
  if (code === undefined) log.fatal(`unknown command: '${action}'`);
  log.sink.flush();
  return code ?? 1;
}
