import type { DirectoryHandle } from "../system/mod.ts";
import { fileError } from "./file_errors.ts";
import { QueueFolders } from "./folders.ts";
import { READY } from "./listing.ts";
import { QueueLayout } from "./layout.ts";
import type { Pace } from "./pace.ts";
import { isQueueId } from "./queue_id.ts";
import { type FoundFiles, walkQueue } from "./queue_walk.ts";
import type { QueueSettings } from "./settings.ts";
import type { LogName, QueueName } from "./types.ts";

/** What can be done with messages from outside the mail system (postsuper(1)). */
export type MessageAction = "delete" | "requeue" | "hold" | "release" | "expire" | "expire-and-release";

/** Where the work is reported. */
export interface MaintenanceReport {
  /** What was done to a message: `4jXsr34JKkzJ9n7: removed`. */
  done(text: string): void;
  /** Something that was left alone. */
  warning(text: string): void;
  /** Every file operation, for `-v`. */
  detail(text: string): void;
}

/** How many messages an action was done to. */
export interface ActionCount {
  deleted: number;
  requeued: number;
  held: number;
  released: number;
  expired: number;
}

const LOGS: readonly LogName[] = ["bounce", "defer", "trace"];
const FORCE_EXPIRE = 0o010;

/** In which queues an action looks for messages. Mail in maildrop is nobody's yet: it can only be deleted. */
const SOURCES: Readonly<Record<MessageAction, readonly QueueName[]>> = {
  delete: ["maildrop", "hold", "incoming", "active", "deferred"],
  requeue: ["hold", "incoming", "active", "deferred"],
  hold: ["incoming", "active", "deferred"],
  release: ["hold"],
  expire: ["hold", "incoming", "active", "deferred"],
  "expire-and-release": ["hold", "incoming", "active", "deferred"],
};

/** A message where it was found, which need not be where hashing wants it. */
interface Found {
  readonly queue: QueueName;
  readonly id: string;
  readonly folder: DirectoryHandle;
  /** Its directory below the queue directory, with a slash at its end: messages show it. */
  readonly place: string;
}

/**
 * Deletes, holds, releases, requeues and expires messages of a queue directory while the mail system may be running. Every
 * step is one rename, removal or change of mode, so that being killed in between leaves whole messages behind.
 */
export class QueueMaintenance {
  readonly count: ActionCount = { deleted: 0, requeued: 0, held: 0, released: 0, expired: 0 };
  readonly #layout: QueueLayout;
  readonly #folders: QueueFolders;
  readonly #report: MaintenanceReport;
  readonly #pace: Pace | undefined;
  /** Logs of which no message has one at the moment: no need to try to remove them. */
  #noLogs: ReadonlySet<LogName> = new Set();

  /** @param pace of work on all messages of a queue; without it there are no rests */
  constructor(settings: QueueSettings, report: MaintenanceReport, pace?: Pace) {
    this.#pace = pace;
    this.#layout = new QueueLayout(settings.directory, settings);
    this.#folders = new QueueFolders(this.#layout);
    this.#report = report;
  }

  /**
   * Does something to one message, in the first of `queues` that has it.
   * @param queues names given by the user; the action picks those where it makes sense
   * @returns false if there is no such message
   */
  one(action: MessageAction, id: string, queues: readonly string[]): boolean {
    if (!isQueueId(id)) {
      this.#report.warning(`invalid mail queue id: ${id}`);
      return false;
    }
    this.#noLogs = new Set();
    const sources = SOURCES[action].filter((name) => queues.includes(name));
    const done = (text: string) => this.#report.done(`${id}: ${text}`);
    // A message may move from a queue that comes later to one that was looked at before: a second look finds it.
    for (let look = 0; look < 2; look++) {
      for (const queue of sources) {
        const folder = this.#folders.at(queue, id);
        if (folder === undefined) continue;
        const place = `${queue}/${this.#layout.hash(queue, id)}`;
        if (this.#act(action, { queue, id, folder, place }, done)) return true;
      }
    }
    return false;
  }

  /**
   * Does something to all messages of `queues`; these are counted, not reported one by one. Deleting takes with it the
   * logs that no message is left for.
   * @param named queues that the user gave by name: of logs that were named, all files are deleted
   */
  all(action: MessageAction, queues: readonly string[], named: readonly string[] = []): void {
    const sources: readonly string[] = SOURCES[action];
    for (const queue of queues) {
      this.#report.detail(`queue: ${queue}`);
      if (sources.includes(queue)) this.#allOf(action, queue as QueueName);
    }
    if (action === "delete") this.#deleteLogs(queues, named);
  }

  #allOf(action: MessageAction, queue: QueueName): void {
    for (const { folder, place, ids } of this.#files(queue)) {
      if (action === "delete") this.#noLogs = this.#emptyLogs();
      for (const id of ids) {
        this.#pace?.step();
        this.#act(action, { queue, id, folder, place }, () => {});
      }
    }
  }

  /** Closes the directories that are kept open meanwhile. */
  close(): void {
    this.#folders.close();
  }

  #files(name: QueueName | LogName): Iterable<FoundFiles> {
    return walkQueue(
      this.#layout.directory,
      name,
      name !== "maildrop",
      (text) => this.#report.warning(text),
    );
  }

  /** Of the logs that stand in one directory, which a look tells all about. */
  #emptyLogs(): ReadonlySet<LogName> {
    const { directory } = this.#layout;
    const isEmpty = (log: LogName) => {
      // Leaving the loop closes the directory.
      for (const _ of walkQueue(directory, log, true, () => {})) return false;
      return true;
    };
    return new Set(LOGS.filter((log) => !this.#layout.isHashed(log) && isEmpty(log)));
  }

  #deleteLogs(queues: readonly string[], named: readonly string[]): void {
    for (const log of LOGS) {
      if (named.length > 0 && !named.includes(log)) continue;
      if (named.length === 0 && log !== "trace" && !queues.includes(log)) continue;
      for (const { folder, place, ids } of this.#files(log)) {
        for (const id of ids) {
          this.#pace?.step();
          if (named.length > 0 || !this.#isQueued(id)) this.#remove(folder, place, id);
        }
      }
    }
  }

  /** Two looks, as in `one`. */
  #isQueued(id: string): boolean {
    for (let look = 0; look < 2; look++) {
      for (const queue of SOURCES.delete) {
        const folder = this.#folders.at(queue, id);
        if (this.#system(`examine ${queue}/${id}`, () => folder?.modeOf(id)) !== undefined) return true;
      }
    }
    return false;
  }

  /** False if the queue does not have the message (any more). */
  #act(action: MessageAction, found: Found, done: (text: string) => void): boolean {
    const { queue, id, folder, place } = found;
    const mode = this.#system(`examine ${place}${id}`, () => folder.modeOf(id));
    if (mode === undefined || (mode & READY) !== READY) return false;
    switch (action) {
      case "delete":
        return this.#delete(found, done);
      case "requeue":
        return this.#move(found, "maildrop") && this.#counted("requeued", "requeued", done);
      case "hold":
        return this.#move(found, "hold") && this.#counted("held", "placed on hold", done);
      case "release":
        return this.#release(found, done);
      case "expire":
        return this.#expire(found, mode, done);
      case "expire-and-release": {
        const expired = this.#expire(found, mode, done);
        return (queue === "hold" && this.#release(found, done)) || expired;
      }
    }
  }

  #counted(what: keyof ActionCount, text: string, done: (text: string) => void): true {
    this.count[what] += 1;
    done(text);
    return true;
  }

  /** The logs go first: left behind, they would be taken for those of a later message with the same id. */
  #delete({ folder, place, id }: Found, done: (text: string) => void): boolean {
    for (const log of LOGS) {
      if (this.#noLogs.has(log)) continue;
      this.#remove(this.#folders.at(log, id), `${log}/${this.#layout.hash(log, id)}`, id);
    }
    return this.#remove(folder, place, id) && this.#counted("deleted", "removed", done);
  }

  #remove(folder: DirectoryHandle | undefined, place: string, id: string): boolean {
    const removed = folder !== undefined && this.#system(`remove ${place}${id}`, () => folder.remove(id));
    if (removed) this.#report.detail(`removed file ${place}${id}`);
    return removed;
  }

  #release(found: Found, done: (text: string) => void): boolean {
    return this.#move(found, "deferred") && this.#counted("released", "released from hold", done);
  }

  /** Only what is the mail system's alone: a second name of the file may be somebody else's. */
  #expire({ folder, place, id }: Found, mode: number, done: (text: string) => void): boolean {
    if ((mode & FORCE_EXPIRE) !== 0) return true;
    const file = folder.open(id);
    if (file === undefined) {
      if (folder.modeOf(id) === undefined) return false;
      this.#report.warning(`expire file ${place}${id}: cannot open file: Permission denied`);
      return false;
    }
    const { links } = file.info();
    file.close();
    if (links > 1) {
      this.#report.warning(`expire file ${place}${id}: file has ${links} hard links`);
      return false;
    }
    const set = () => folder.setMode(id, (mode & 0o777) | FORCE_EXPIRE);
    return this.#system(`change the mode of ${place}${id}`, set) && this.#counted("expired", "expired", done);
  }

  #move({ queue, id, folder, place }: Found, to: QueueName): boolean {
    const from = `${place}${id}`;
    const target = `${to}/${this.#layout.hash(to, id)}${id}`;
    const result = this.#folders.move(folder, queue, to, id);
    if (result === "exists") this.#report.warning(`${from} is left alone: ${target} exists`);
    else if (result === "moved") this.#report.detail(`renamed file ${from} as ${target}`);
    return result === "moved";
  }

  /** Does something with the system's help, whose refusal becomes a `QueueFileError`. */
  #system<Result>(doing: string, work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw fileError(error, doing);
    }
  }
}
