import { readSync, writeSync } from "node:fs";
import { decodeText } from "../core/bytes/mod.ts";
import { type Config, ConfigError, loadConfig } from "../core/config/mod.ts";
import { messageOf } from "../core/errors/mod.ts";
import { formatClassic, type LogLevel, logSettings, type LogSink, openLog } from "../core/log/mod.ts";
import { connectDatagram } from "../core/system/mod.ts";
import { getopt, UsageError } from "./getopt.ts";
import { usageError } from "./queue_tool.ts";

export const help = `
Usage: postlog [-iv] [-c config_dir] [-p priority] [-t tag] [text...]

  Writes the text, or every line of standard input, into the mail log.

  -p priority   info (default), warn, error, fatal or panic; the last two pause for a second
  -t tag        instead of postfix/postlog
  -c config_dir the configuration directory
  -i, -v        accepted
`;

const FAILURE = 1;
/** Longer texts are cut, as everywhere in the mail log. */
const LONGEST = 2000;

const LEVELS: Readonly<Record<string, LogLevel>> = {
  info: "info",
  warn: "warning",
  warning: "warning",
  error: "error",
  err: "error",
  fatal: "fatal",
  crit: "fatal",
  panic: "panic",
};

const encoder = new TextEncoder();

interface Request {
  readonly level: LogLevel;
  readonly tag: string | undefined;
  readonly directory: string | undefined;
  /** Undefined: lines come from standard input. */
  readonly text: string | undefined;
}

function parse(args: readonly string[]): Request {
  const { options, operands } = getopt(args, "c:ip:t:v");
  const last = (wanted: string) => options.findLast(({ letter }) => letter === wanted)?.value;
  const priority = last("p") ?? "info";
  const level = LEVELS[priority.toLowerCase()];
  if (level === undefined) throw new UsageError(`unknown priority "${priority}"`);
  return {
    level,
    tag: last("t"),
    directory: last("c"),
    text: operands.length === 0 ? undefined : operands.join(" "),
  };
}

/** `postlog`. Exit code 0, or 1 if the options are wrong or no log can be written. */
export async function run(args: string[], name: string): Promise<number> {
  let request: Request;
  try {
    request = parse(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return usageError(
      name,
      error.message,
      `${name} [-c config_dir] [-i] [-p priority] [-t tag] [-v] [text]`,
      FAILURE,
    );
  }
  let sink: LogSink;
  let tag: string;
  try {
    const config = loadConfig({
      ...(request.directory === undefined ? {} : { directory: request.directory }),
      programName: name,
    });
    tag = request.tag ?? `${config.string("syslog_name")}/${name}`;
    sink = openMailLog(config);
  } catch (error) {
    const reason = messageOf(error);
    writeSync(
      2,
      encoder.encode(`${name}: fatal: ${error instanceof ConfigError ? "" : "mail log: "}${reason}\n`),
    );
    return FAILURE;
  }
  const echo = Deno.stderr.isTerminal();
  const put = (text: string) => {
    const line = (text.split("\0", 1)[0] ?? "").slice(0, LONGEST);
    sink.write({ time: Date.now(), tag, pid: Deno.pid, level: request.level, text: line });
    const label = request.level === "info" ? "" : `${request.level}: `;
    if (echo) writeSync(2, encoder.encode(`${tag}: ${label}${line}\n`));
  };
  if (request.text !== undefined) put(request.text);
  else putInput(put);
  sink.flush();
  if (request.level === "fatal" || request.level === "panic") {
    await new Promise((done) => setTimeout(done, 1000));
  }
  return 0;
}

/**
 * The log as main.cf names it. Who may not write the file goes through the socket of postlogd(8) if somebody serves it.
 */
function openMailLog(config: Config): LogSink {
  const settings = logSettings(config);
  try {
    return openLog(settings);
  } catch (error) {
    if (settings.file === "" || settings.format !== "classic") throw error;
    let socket;
    try {
      socket = connectDatagram(`${config.string("queue_directory")}/public/postlog`);
    } catch {
      throw error;
    }
    return {
      write: (entry) => void socket.send(encoder.encode(formatClassic(entry, settings.host))),
      flush() {},
    };
  }
}

/** Every line of standard input, also a last one without an end. */
function putInput(put: (line: string) => void): void {
  let rest = new Uint8Array(0);
  const chunk = new Uint8Array(65536);
  for (;;) {
    const count = readSync(0, chunk, 0, chunk.length, null);
    const bytes = new Uint8Array(rest.length + count);
    bytes.set(rest);
    bytes.set(chunk.subarray(0, count), rest.length);
    let at = 0;
    for (let end = bytes.indexOf(0x0a, at); end >= 0; end = bytes.indexOf(0x0a, at)) {
      put(decodeText(bytes.subarray(at, end)));
      at = end + 1;
    }
    rest = bytes.slice(at);
    if (count === 0) break;
  }
  if (rest.length > 0) put(decodeText(rest));
}
