import type { DirectoryHandle } from "../system/mod.ts";
import { fileError } from "./file_errors.ts";
import { QueueFolders } from "./folders.ts";
import { READY } from "./listing.ts";
import { QueueLayout } from "./layout.ts";
import type { Pace } from "./pace.ts";
import { isQueueId } from "./queue_id.ts";
import { scanFiles } from "./queue_files.ts";
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
    const sources = SOURCES[action].filter((name) => queues.includes(name));
    // A message may move from a queue that comes later to one that was looked at before: a second look finds it.
    for (let look = 0; look < 2; look++) {
      for (const queue of sources) {
        if (this.#act(action, queue, id, (text) => this.#report.done(`${id}: ${text}`))) return true;
      }
    }
    return false;
  }

  /** Does something to all messages of `queues`; these are counted, not reported one by one. */
  all(action: MessageAction, queues: readonly string[]): void {
    for (const queue of SOURCES[action].filter((name) => queues.includes(name))) {
      for (const id of this.#ids(queue)) {
        this.#pace?.step();
        this.#act(action, queue, id, () => {});
      }
    }
  }

  /** Closes the directories that are kept open meanwhile. */
  close(): void {
    this.#folders.close();
  }

  #ids(queue: QueueName): Iterable<string> {
    return scanFiles(this.#layout.prefix(queue), queue !== "maildrop");
  }

  /** False if the queue does not have the message (any more). */
  #act(action: MessageAction, queue: QueueName, id: string, done: (text: string) => void): boolean {
    const folder = this.#folders.at(queue, id);
    if (folder === undefined) return false;
    const mode = this.#system(`examine ${queue}/${id}`, () => folder.modeOf(id));
    if (mode === undefined || (mode & READY) !== READY) return false;
    switch (action) {
      case "delete":
        return this.#delete(folder, queue, id, done);
      case "requeue":
        return this.#requeue(queue, id, done);
      case "hold":
        return this.#move(queue, "hold", id) && this.#counted("held", "placed on hold", done);
      case "release":
        return this.#release(queue, id, done);
      case "expire":
        return this.#expire(folder, queue, id, mode, done);
      case "expire-and-release":
        if (!this.#expire(folder, queue, id, mode, done)) return false;
        return queue !== "hold" || this.#release(queue, id, done);
    }
  }

  #counted(what: keyof ActionCount, text: string, done: (text: string) => void): true {
    this.count[what] += 1;
    done(text);
    return true;
  }

  /** The logs go first: left behind, they would be taken for those of a later message with the same id. */
  #delete(folder: DirectoryHandle, queue: QueueName, id: string, done: (text: string) => void): boolean {
    for (const log of LOGS) this.#remove(this.#folders.at(log, id), log, id);
    return this.#remove(folder, queue, id) && this.#counted("deleted", "removed", done);
  }

  #remove(folder: DirectoryHandle | undefined, name: QueueName | LogName, id: string): boolean {
    const removed = folder !== undefined && this.#system(`remove ${name}/${id}`, () => folder.remove(id));
    if (removed) this.#report.detail(`removed file ${this.#short(name, id)}`);
    return removed;
  }

  #requeue(queue: QueueName, id: string, done: (text: string) => void): boolean {
    return this.#move(queue, "maildrop", id) && this.#counted("requeued", "requeued", done);
  }

  #release(queue: QueueName, id: string, done: (text: string) => void): boolean {
    return this.#move(queue, "deferred", id) && this.#counted("released", "released from hold", done);
  }

  #expire(
    folder: DirectoryHandle,
    queue: QueueName,
    id: string,
    mode: number,
    done: (text: string) => void,
  ): boolean {
    if ((mode & FORCE_EXPIRE) !== 0) return true;
    const set = () => folder.setMode(id, (mode & 0o777) | FORCE_EXPIRE);
    return this.#system(`change the mode of ${queue}/${id}`, set) &&
      this.#counted("expired", "expired", done);
  }

  #move(from: QueueName, to: QueueName, id: string): boolean {
    const result = this.#folders.move(from, to, id);
    if (result === "exists") {
      this.#report.warning(`${this.#short(from, id)} is left alone: ${this.#short(to, id)} exists`);
    } else if (result === "moved") {
      this.#report.detail(`renamed file ${this.#short(from, id)} as ${this.#short(to, id)}`);
    }
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

  /** `deferred/A/ABC123`, as messages show it. */
  #short(name: QueueName | LogName, id: string): string {
    return `${name}/${this.#layout.hash(name, id)}${id}`;
  }
}
