import { formatClassic, formatJson } from "./format.ts";
import type { LogEntry, LogFormat, LogSink } from "./types.ts";

const encoder = new TextEncoder();

/** How long a line may wait for company. Warnings and worse take what waits with them at once. */
const HOLD_MILLISECONDS = 10;

/**
 * Prints lines through `put`, which writes a part of the bytes and says how many. Lines of a few milliseconds
 * leave together, which turns a burst of messages into a fraction of the system calls.
 */
function batchingSink(put: (bytes: Uint8Array) => number, format: LogFormat, host: string): LogSink {
  let held = "";
  let scheduled = false;
  const flush = () => {
    scheduled = false;
    if (held === "") return;
    let bytes: Uint8Array = encoder.encode(held);
    held = "";
    try {
      while (bytes.length > 0) bytes = bytes.subarray(put(bytes));
    } catch {
      // A full disk or a closed pipe must not stop mail, and there is no other place to say so.
    }
  };
  return {
    write(entry) {
      held += (format === "json" ? formatJson(entry, host) : formatClassic(entry, host)) + "\n";
      if (entry.level !== "info" || held.length > 65536) flush();
      else if (!scheduled) {
        scheduled = true;
        Deno.unrefTimer(setTimeout(flush, HOLD_MILLISECONDS));
      }
    },
    flush,
  };
}

/** Writes to standard output (1) or standard error (2). */
export function streamSink(fd: 1 | 2, format: LogFormat, host: string): LogSink {
  const stream = fd === 1 ? Deno.stdout : Deno.stderr;
  return batchingSink((bytes) => stream.writeSync(bytes), format, host);
}

/** Appends to `maillog_file`, made with `mode` if it does not exist. Throws if it can't be opened. */
export function fileSink(path: string, format: LogFormat, host: string, mode = 0o600): LogSink {
  const file = Deno.openSync(path, { append: true, create: true, mode });
  const sink = batchingSink((bytes) => file.writeSync(bytes), format, host);
  return {
    ...sink,
    close() {
      sink.flush();
      file.close();
    },
  };
}

/** Keeps entries in memory, for tests. */
export function memorySink(): LogSink & { readonly entries: LogEntry[]; lines(): string[] } {
  const entries: LogEntry[] = [];
  return {
    entries,
    lines: () => entries.map((entry) => (entry.level === "info" ? "" : `${entry.level}: `) + entry.text),
    write(entry) {
      entries.push(entry);
    },
    flush() {},
  };
}

/** Writes every entry to all of `sinks`. */
export function teeSink(...sinks: LogSink[]): LogSink {
  return {
    write(entry) {
      for (const sink of sinks) sink.write(entry);
    },
    flush() {
      for (const sink of sinks) sink.flush();
    },
  };
}
