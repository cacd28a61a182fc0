import { messageOf } from "../errors/mod.ts";
import { fileSink, streamSink } from "./sink.ts";
import { syslogSink } from "./syslog.ts";
import type { LogFormat, LogSink } from "./types.ts";

/** What main.cf says about logging. */
export interface LogSettings {
  /** `maillog_file`: empty for syslog, `/dev/stdout`, or a path. */
  readonly file: string;
  /** `maillog_file_prefixes`: the file must be below one of them. */
  readonly prefixes: readonly string[];
  /** `maillog_file_permissions`, such as 0o600. */
  readonly permissions: number;
  /** `syslog_facility`. */
  readonly facility: string;
  /** `postel_log_format`. */
  readonly format: LogFormat;
  /** First label of `myhostname`, printed in file and standard output lines. */
  readonly host: string;
}

/** The part of a configuration snapshot that logging reads. */
interface ConfigView {
  string(name: string): string;
  list(name: string): readonly string[];
}

/** Reads the parameters of logging. Throws when one has a value that can't be used. */
export function logSettings(config: ConfigView): LogSettings {
  const format = config.string("postel_log_format");
  if (format !== "classic" && format !== "json") {
    throw new Error(`postel_log_format = ${format}: use "classic" or "json"`);
  }
  const permissions = config.string("maillog_file_permissions");
  if (!/^0?[0-7]{3}$/.test(permissions)) {
    throw new Error(`maillog_file_permissions = ${permissions}: use an octal file mode such as 0600`);
  }
  return {
    file: config.string("maillog_file"),
    prefixes: config.list("maillog_file_prefixes"),
    permissions: parseInt(permissions, 8),
    facility: config.string("syslog_facility"),
    format,
    host: config.string("myhostname").split(".", 1)[0] ?? "localhost",
  };
}

/**
 * Opens the mail log: `maillog_file` if set, else the syslog socket, else standard error.
 * Throws if `maillog_file` is outside `maillog_file_prefixes` or can't be opened.
 */
export function openLog(settings: LogSettings): LogSink {
  if (settings.file === "/dev/stdout") return streamSink(1, settings.format, settings.host);
  if (settings.file !== "") {
    if (
      !settings.prefixes.some((prefix) =>
        settings.file.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`)
      )
    ) {
      throw new Error(
        `maillog_file = ${settings.file}: not below a directory in maillog_file_prefixes (${
          settings.prefixes.join(", ")
        })`,
      );
    }
    return fileSink(settings.file, settings.format, settings.host, settings.permissions);
  }
  try {
    return syslogSink(settings.facility, settings.format);
  } catch (error) {
    const sink = streamSink(2, settings.format, settings.host);
    sink.write({
      time: Date.now(),
      tag: "postfix",
      pid: Deno.pid,
      level: "warning",
      text: `no syslog socket (${messageOf(error)}): logging to standard error`,
    });
    return sink;
  }
}

/** A sink whose target can be exchanged while loggers hold on to it: after a reload or a log rotation. */
export class SwitchSink implements LogSink {
  constructor(private target: LogSink) {}

  write(entry: Parameters<LogSink["write"]>[0]): void {
    this.target.write(entry);
  }
  flush(): void {
    this.target.flush();
  }
  /** Later entries go to `target`. */
  switchTo(target: LogSink): void {
    const old = this.target;
    this.target = target;
    old.flush();
    old.close?.();
  }
}
