import { fileError, makeParents } from "./file_errors.ts";
import { isReady } from "./listing.ts";
import { QueueLayout } from "./layout.ts";
import { isQueueId } from "./queue_id.ts";
import { changeMode, fileExists, renameFile } from "../system/mod.ts";
import { lstat, removeIfThere, scanFiles } from "./queue_files.ts";
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

/** Where an action moves messages. */
const TARGETS: Readonly<Record<MessageAction, QueueName | undefined>> = {
  delete: undefined,
  requeue: "maildrop",
  hold: "hold",
  release: "deferred",
  expire: undefined,
  "expire-and-release": "deferred",
};

/**
 * Deletes, holds, releases, requeues and expires messages of a queue directory while the mail system may be running. Every
 * step is one rename, removal or change of mode, so that being killed in between leaves whole messages behind.
 */
export class QueueMaintenance {
  readonly count: ActionCount = { deleted: 0, requeued: 0, held: 0, released: 0, expired: 0 };
  readonly #layout: QueueLayout;
  readonly #report: MaintenanceReport;
  /** Ids that the target queue of the action has already, if they are known. */
  #taken: ReadonlySet<string> | undefined;

  constructor(settings: QueueSettings, report: MaintenanceReport) {
    this.#layout = new QueueLayout(settings.directory, settings);
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
    const target = TARGETS[action];
    // One look at the target's directories instead of one for every message.
    if (target !== undefined) this.#taken = new Set(this.#ids(target));
    for (const queue of SOURCES[action].filter((name) => queues.includes(name))) {
      for (const id of this.#ids(queue)) this.#act(action, queue, id, () => {});
    }
    this.#taken = undefined;
  }

  #ids(queue: QueueName): Iterable<string> {
    return scanFiles(this.#layout.prefix(queue), queue !== "maildrop");
  }

  /** False if the queue does not have the message (any more). */
  #act(action: MessageAction, queue: QueueName, id: string, done: (text: string) => void): boolean {
    const path = this.#layout.path(queue, id);
    const info = lstat(path);
    if (info === undefined || !isReady(info)) return false;
    switch (action) {
      case "delete":
        return this.#delete(path, id, done);
      case "requeue":
        return this.#requeue(path, id, done);
      case "hold":
        return this.#move(path, "hold", id) && this.#counted("held", "placed on hold", done);
      case "release":
        return this.#move(path, "deferred", id) && this.#counted("released", "released from hold", done);
      case "expire":
        return this.#expire(path, info.mode, done);
      case "expire-and-release":
        if (!this.#expire(path, info.mode, done)) return false;
        return queue !== "hold" ||
          (this.#move(path, "deferred", id) && this.#counted("released", "released from hold", done));
    }
  }

  #counted(what: keyof ActionCount, text: string, done: (text: string) => void): true {
    this.count[what] += 1;
    done(text);
    return true;
  }

  /** The logs go first: left behind, they would be taken for those of a later message with the same id. */
  #delete(path: string, id: string, done: (text: string) => void): boolean {
    for (const log of LOGS) {
      const logPath = this.#layout.path(log, id);
      if (fileExists(logPath) && removeIfThere(logPath)) this.#removed(logPath);
    }
    if (!removeIfThere(path)) return false;
    this.#removed(path);
    return this.#counted("deleted", "removed", done);
  }

  #requeue(path: string, id: string, done: (text: string) => void): boolean {
    if (!this.#move(path, "maildrop", id)) return false;
    const now = Date.now() / 1000;
    try {
      Deno.utimeSync(this.#layout.path("maildrop", id), now, now);
    } catch (error) {
      // pickup may have taken it already.
      if (!(error instanceof Deno.errors.NotFound)) throw fileError(error, `set the time of maildrop/${id}`);
    }
    return this.#counted("requeued", "requeued", done);
  }

  #expire(path: string, mode: number, done: (text: string) => void): boolean {
    if ((mode & FORCE_EXPIRE) !== 0) return true;
    try {
      changeMode(path, (mode & 0o777) | FORCE_EXPIRE);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw fileError(error, `change the mode of ${path}`);
    }
    return this.#counted("expired", "expired", done);
  }

  #move(path: string, to: QueueName, id: string): boolean {
    const target = this.#layout.path(to, id);
    if (this.#taken === undefined ? fileExists(target) : this.#taken.has(id)) {
      this.#report.warning(`${this.#short(path)} is left alone: ${this.#short(target)} exists`);
      return false;
    }
    try {
      try {
        renameFile(path, target);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        if (!fileExists(path)) return false;
        makeParents(target);
        renameFile(path, target);
      }
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw fileError(error, `rename ${path} as ${target}`);
    }
    this.#report.detail(`renamed file ${this.#short(path)} as ${this.#short(target)}`);
    return true;
  }

  #removed(path: string): void {
    this.#report.detail(`removed file ${this.#short(path)}`);
  }

  #short(path: string): string {
    return path.slice(this.#layout.directory.length + 1);
  }
}
