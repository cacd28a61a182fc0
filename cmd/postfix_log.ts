import process from "node:process";
import type { Config } from "../core/config/mod.ts";
import {
  type LogEntry,
  Logger,
  logSettings,
  type LogSink,
  openLog,
  streamSink,
  teeSink,
} from "../core/log/mod.ts";

/**
 * The log of one postfix(1) command. Everything goes to the mail log, which may belong to root; what goes wrong is said on
 * standard error as well, the rest only to a terminal.
 * @param action the command word: `start-fg` logs to standard output where that is the log
 */
export function openActionLog(config: Config, action: string): Logger {
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
