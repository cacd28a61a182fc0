/** `-D`: runs debugger_command for a process before it begins to work (DEBUG_README). */
import { type Config, ConfigError, type MasterEntry, serviceConfig } from "../../core/config/mod.ts";
import { Logger, type LogSink } from "../../core/log/mod.ts";
import { type Role, roleOf } from "./plan.ts";
import { wantsDebugger } from "./verbose.ts";

/** Of the master's environment, what Postfix lets through to a debugger with a window. */
const PASSED_ON = ["PATH", "TZ", "XAUTHORITY", "DISPLAY"];

/** What a process is called in `$process_name`, if it is to be debugged: a role, or the program with `-D` in master.cf. */
export function debuggedName(
  roles: readonly Role[],
  entries: readonly MasterEntry[],
  everything: boolean,
): string | undefined {
  if (everything) return roles.length === 1 ? roles[0] : "master";
  return entries.find((entry) => wantsDebugger(entry) && roles.includes(roleOf(entry)!))?.command;
}

/**
 * Runs debugger_command in the queue directory and waits for it, as Postfix does: commands that are to go on run in the
 * background and sleep a little, so that the debugger can attach. Throws `ConfigError` if there is no command.
 */
export function runDebugger(config: Config, processName: string, sink: LogSink): void {
  const named = serviceConfig(config, {
    name: processName,
    type: "unix",
    private: true,
    unprivileged: true,
    chroot: false,
    wakeup: 0,
    wakeupIfUsed: false,
    processLimit: 0,
    processLimitIsDefault: true,
    command: processName,
    arguments: [],
    overrides: [],
    origin: { file: `${config.directory}/master.cf` },
  });
  const command = named.string("debugger_command");
  if (command.trim() === "") {
    throw new ConfigError(
      "no debugger_command variable set up: set it in main.cf, or do without -D",
      config.origin("debugger_command"),
    );
  }
  const log = new Logger(sink, `${config.string("syslog_name")}/${processName}`);
  log.info(`running: ${command}`);
  sink.flush();
  const passedOn = PASSED_ON.map((name) => [name, Deno.env.get(name)] as const);
  const env = {
    LANG: "C",
    MAIL_CONFIG: config.directory,
    MAIL_DEBUG: "",
    ...Object.fromEntries(passedOn.filter(([, value]) => value !== undefined)),
  };
  const { success, code } = new Deno.Command("/bin/sh", {
    args: ["-c", command],
    cwd: config.string("queue_directory"),
    clearEnv: true,
    env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
  if (!success) log.warning(`debugger_command: exit status ${code}`);
}
