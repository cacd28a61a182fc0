/** What the queue commands share: how they complain, where they log, how they find the configuration. */
import { type Config, ConfigError, loadConfig } from "../core/config/mod.ts";
import { type LogEntry, Logger, logSettings, type LogSink, openLog, syslogSink } from "../core/log/mod.ts";

/** Ends the command: `message` is shown as `NAME: fatal: message`. */
export class FatalError extends Error {
  override readonly name = "FatalError";
}

const encoder = new TextEncoder();

/** Writes all of a text to standard output; false when the reader is gone (`| head`). */
export function print(text: string): boolean {
  return printBytes(encoder.encode(text));
}

/** The same for bytes. */
export function printBytes(bytes: Uint8Array): boolean {
  let rest = bytes;
  try {
    while (rest.length > 0) {
      const count = Deno.stdout.writeSync(rest);
      rest = rest.subarray(count);
    }
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}

/** `postqueue: warning: text` on standard error. */
function stderrSink(name: string): LogSink {
  return {
    write(entry) {
      const label = entry.level === "info" ? "" : `${entry.level}: `;
      // Who speaks in another program's name is shown under that name.
      const shown = entry.tag === name || entry.tag.endsWith(`/${name}`) ? name : entry.tag;
      Deno.stderr.writeSync(encoder.encode(`${shown}: ${label}${entry.text}\n`));
    },
    flush() {},
  };
}

/** The mail log, opened when the first line is written; a user who may not write there still gets his answer. */
class MailLog implements LogSink {
  #sink: LogSink | undefined;
  #tried = false;
  constructor(readonly config: Config) {}

  open(): void {
    if (this.#tried) return;
    this.#tried = true;
    try {
      const settings = logSettings(this.config);
      if (settings.file === "") this.#sink = syslogSink(settings.facility, settings.format);
      else if (settings.file !== "/dev/stdout") this.#sink = openLog(settings);
    } catch {
      // No log for this caller, or none that runs; the text stands on standard error.
    }
  }

  write(entry: LogEntry): void {
    this.open();
    this.#sink?.write(entry);
  }

  flush(): void {
    this.#sink?.flush();
  }
}

/** A running command. */
export interface Tool {
  readonly name: string;
  readonly config: Config;
  /** Writes to standard error and to the mail log. */
  readonly log: Logger;
  /** Writes to the mail log alone. */
  readonly mailLog: Logger;
  /** Opens the mail log now; for commands that give up the right to do so later. */
  openLog(): void;
}

/**
 * Runs a command: loads the configuration, hands both on, turns errors into the message and exit code that they stand for.
 * @param name what the command calls itself
 * @param failure exit code of a fatal error
 * @param directory from `-c`, else MAIL_CONFIG or the default
 * @param options `toMailLog`: what is said goes to the mail log as well; `tag`: its name there, if it is another one
 */
export async function runTool(
  name: string,
  failure: number,
  directory: string | undefined,
  work: (tool: Tool) => Promise<number> | number,
  options: { readonly toMailLog: boolean; readonly tag?: string } = { toMailLog: true },
): Promise<number> {
  const stderr = stderrSink(name);
  let mailLog: MailLog | undefined;
  const sink: LogSink = {
    write(entry) {
      stderr.write(entry);
      mailLog?.write(entry);
    },
    flush: () => mailLog?.flush(),
  };
  let log = new Logger(sink, name);
  try {
    const config = loadConfig({
      ...(directory === undefined ? {} : { directory }),
      programName: name,
    });
    if (options.toMailLog) mailLog = new MailLog(config);
    const tag = logName(config, options.tag ?? name);
    log = log.as(tag);
    const silent: LogSink = { write: (entry) => mailLog?.write(entry), flush: () => mailLog?.flush() };
    return await work({
      name,
      config,
      log,
      mailLog: new Logger(silent, tag),
      openLog: () => mailLog?.open(),
    });
  } catch (error) {
    if (!(error instanceof FatalError || error instanceof ConfigError)) throw error;
    log.fatal(error.message);
    return failure;
  } finally {
    sink.flush();
  }
}

/**
 * What a command is called in the mail log. The default name is looked up when there is something to say; one that is set
 * is looked at now, because a mistake in it ends the command. Throws `ConfigError`.
 */
function logName(config: Config, name: string): () => string {
  let full: string | undefined;
  const tag = () => full ??= `${config.string("syslog_name")}/${name}`;
  if (config.isSet("syslog_name") || config.isSet("multi_instance_name")) tag();
  return tag;
}

/** Complains about wrong usage in getopt's and the command's own words. */
export function usageError(name: string, problem: string | undefined, usage: string, code: number): number {
  const log = new Logger(stderrSink(name), name);
  if (problem !== undefined) Deno.stderr.writeSync(encoder.encode(`${name}: ${problem}\n`));
  log.fatal(`usage: ${usage}`);
  return code;
}
