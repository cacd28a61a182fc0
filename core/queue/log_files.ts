import { fileExists } from "../system/mod.ts";
import { toExternal } from "../address/quote.ts";
import { fileError } from "./file_errors.ts";
import type { QueueLayout } from "./layout.ts";
import { formatLogRecord, parseLog } from "./log_record.ts";
import type { NewFileOwner } from "./new_file_owner.ts";
import { removeIfThere, scanFiles } from "./queue_files.ts";
import type { QueueSettings } from "./settings.ts";
import type { LogName, LogRecord } from "./types.ts";

const LOGS: readonly LogName[] = ["bounce", "defer", "trace"];

/** What became of recipients, in files beside the messages: the `bounce`, `defer` and `trace` directories. */
export class LogFiles {
  readonly #layout: QueueLayout;
  readonly #oldLogLine: boolean;
  readonly #owner: NewFileOwner;
  /** New messages that have no log yet, whatever files there are: most messages end without one. */
  readonly #without = new Set<string>();

  constructor(layout: QueueLayout, settings: Pick<QueueSettings, "oldLogLine">, owner: NewFileOwner) {
    this.#layout = layout;
    this.#oldLogLine = settings.oldLogLine;
    this.#owner = owner;
  }

  /** As `Queue.startAfresh`. */
  startAfresh(id: string): void {
    this.#without.add(id);
  }

  /** The message is not in the active queue any more. */
  over(id: string): void {
    this.#without.delete(id);
  }

  /** As `Queue.appendLog`. */
  async append(log: LogName, id: string, entry: LogRecord): Promise<void> {
    const path = this.#layout.path(log, id);
    const bytes = formatLogRecord(entry, toExternal, this.#oldLogLine);
    try {
      if (this.#without.delete(id)) this.#removeAll(id);
      const file = openLog(path, this.#owner);
      try {
        // Another process may hold the lock for the time of one write and sync.
        if (!file.tryLockSync(true)) await file.lock(true);
        let at = 0;
        while (at < bytes.length) at += file.writeSync(bytes.subarray(at));
        await file.sync();
      } finally {
        file.close();
      }
    } catch (error) {
      throw fileError(error, `append to the ${log} log of ${id}`);
    }
  }

  /** The entries of a log; none if there is no log. */
  read(log: LogName, id: string): LogRecord[] {
    const bytes = this.bytes(log, id);
    return bytes === undefined ? [] : parseLog(bytes, log);
  }

  /** A log as it is on disk; undefined if there is none. */
  bytes(log: LogName, id: string): Uint8Array | undefined {
    // Asking first is much cheaper than the exception for a log that isn't there.
    if (!this.has(log, id)) return undefined;
    try {
      return Deno.readFileSync(this.#layout.path(log, id));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw fileError(error, `read the ${log} log of ${id}`);
    }
  }

  /** Is there a log? */
  has(log: LogName, id: string): boolean {
    return !this.#without.has(id) && fileExists(this.#layout.path(log, id));
  }

  /** Ids of the messages that have a log. */
  scan(log: LogName): Iterable<string> {
    return scanFiles(this.#layout.prefix(log), true);
  }

  /** Removes a log; false if there was none. */
  remove(log: LogName, id: string): boolean {
    return removeIfThere(this.#layout.path(log, id));
  }

  #removeAll(id: string): void {
    for (const log of LOGS) this.remove(log, id);
  }
}

function openLog(path: string, owner: NewFileOwner): Deno.FsFile {
  const options = { append: true, create: true, mode: 0o600 };
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    owner.makeParents(path);
    file = Deno.openSync(path, options);
  }
  owner.give(path);
  return file;
}
