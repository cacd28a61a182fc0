import { shortDate } from "../date/mod.ts";
import { connectDatagram, type DatagramSender } from "../system/commands.ts";
import { formatJson, labelled } from "./format.ts";
import type { LogFormat, LogLevel, LogSink } from "./types.ts";

/** syslog(3) severities. */
const SEVERITY: Record<LogLevel, number> = { info: 6, warning: 4, error: 3, fatal: 2, panic: 2 };

/** syslog(3) facilities by the names that `syslog_facility` takes. */
const FACILITY: Record<string, number> = {
  kern: 0,
  user: 1,
  mail: 2,
  daemon: 3,
  auth: 4,
  syslog: 5,
  lpr: 6,
  news: 7,
  uucp: 8,
  cron: 9,
  authpriv: 10,
  ftp: 11,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
};

/** Is it a facility that syslog knows? */
export function isFacility(name: string): boolean {
  return Object.hasOwn(FACILITY, name);
}

const encoder = new TextEncoder();

/**
 * Sends entries to the local syslog socket in the traditional form (RFC 3164 without a host name).
 * Throws when `facility` is unknown or the socket isn't there.
 */
export function syslogSink(facility: string, format: LogFormat = "classic", path = "/dev/log"): LogSink {
  const code = FACILITY[facility];
  if (code === undefined) {
    throw new Error(`Unknown syslog facility "${facility}": use one of ${Object.keys(FACILITY).join(", ")}`);
  }
  let socket: DatagramSender | undefined = connectDatagram(path);
  return {
    write(entry) {
      const stamp = shortDate(new Date(entry.time));
      const line = encoder.encode(
        `<${code * 8 + SEVERITY[entry.level]}>${stamp} ${entry.tag}[${entry.pid}]: ${
          format === "json" ? formatJson(entry, "") : labelled(entry)
        }`,
      );
      if (socket?.send(line)) return;
      // syslogd was restarted: its socket is a new one.
      socket?.close();
      try {
        socket = connectDatagram(path);
        socket.send(line);
      } catch {
        socket = undefined;
      }
    },
    flush() {},
  };
}
