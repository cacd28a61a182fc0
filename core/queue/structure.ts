import { fileError, makeParents } from "./file_errors.ts";
import { QueueLayout } from "./layout.ts";
import { READY } from "./listing.ts";
import type { MaintenanceReport } from "./maintenance.ts";
import { hashText, isLongId, isQueueId, longInodeText, parseQueueId, shortId } from "./queue_id.ts";
import {
  type DirectoryEntry,
  type DirectoryHandle,
  fileExists,
  openDirectory,
  renameFile,
} from "../system/mod.ts";
import { lstat, readDirectoryEntries, removeIfThere, whyUnreadable } from "./queue_files.ts";
import type { QueueSettings } from "./settings.ts";
import type { LogName, QueueFileInfo, QueueName } from "./types.ts";

/** What is checked and repaired. */
export interface StructureOptions {
  /** Files in their place, named after their inode number (`-s`). */
  readonly structure: boolean;
  /** Long names must agree with the inode number too (`-S`). */
  readonly redundant: boolean;
  /** Old unfinished files are removed (`-p`). */
  readonly purge: boolean;
}

/** The directories that can be checked, in the order in which they are. */
export const CHECKED_DIRECTORIES = [
  "defer",
  "bounce",
  "trace",
  "maildrop",
  "incoming",
  "active",
  "deferred",
  "hold",
  "flush",
] as const;

/** `trace` is checked only when it is named. */
export const DEFAULT_DIRECTORIES: readonly string[] = CHECKED_DIRECTORIES.filter((name) => name !== "trace");

const MESSAGE_QUEUES: ReadonlySet<string> = new Set(["maildrop", "incoming", "active", "deferred", "hold"]);
const LOGS: readonly LogName[] = ["bounce", "defer", "trace"];
/** An unfinished file of this age (seconds) belongs to a program that is no more. */
const MAX_UNFINISHED_AGE = 7 * 86400;

/**
 * Marks the files of the first renaming pass, in which a file may take the name that another one still has. It makes the
 * name no valid id, so that the mail system leaves the file alone; a later run finishes the work.
 */
const SUFFIX = "#FIX";

/** Longer names are nobody's: ids are not of this length. */
const MAX_NAME = 100;

/** How many characters of a short id tell the time. */
const TIME_WIDTH = 5;

/** Checks and repairs a queue directory. The mail system should be down for the renaming. */
export class StructureCheck {
  /** Messages that got another name. */
  renamed = 0;
  readonly #layout: QueueLayout;
  readonly #settings: QueueSettings;
  readonly #options: StructureOptions;
  readonly #report: MaintenanceReport;
  readonly #pending = new Set<string>();

  constructor(settings: QueueSettings, options: StructureOptions, report: MaintenanceReport) {
    this.#settings = settings;
    this.#layout = new QueueLayout(settings.directory, settings);
    this.#options = options;
    this.#report = report;
  }

  /** Works through the directories. Throws `QueueFileError` when a repair fails; a rerun goes on from there. */
  run(directories: readonly string[]): void {
    for (const name of directories) {
      this.#report.detail(`queue: ${name}`);
      this.#directory(name, this.#layout.prefix(name), 0);
    }
    for (const path of this.#pending) this.#rename(path, path.slice(0, -SUFFIX.length));
  }

  #directory(queue: string, directory: string, level: number): void {
    const handle = openDirectory(directory);
    try {
      for (const entry of readDirectoryEntries(directory)) {
        const path = directory + entry.name;
        if (entry.kind === "directory") this.#subdirectory(queue, path, entry.name, level);
        else if (entry.kind === "file") this.#file(queue, path, entry, handle);
        else this.#report.warning(`skipping ${this.#short(path)}: it is not a regular file`);
      }
    } finally {
      handle?.close();
    }
  }

  #subdirectory(queue: string, path: string, name: string, level: number): void {
    const isHash = name.length === 1 && queue !== "maildrop";
    const reason = isHash ? whyUnreadable(path) : undefined;
    if (reason !== undefined) {
      // Somebody else's, which is no reason to give up the others.
      this.#report.warning(`skipping ${this.#short(path)}: ${reason}`);
      return;
    }
    if (isHash) this.#directory(queue, `${path}/`, level + 1);
    if (!this.#options.structure || (isHash && level < this.#layout.depth(queue))) return;
    try {
      Deno.removeSync(path);
      this.#report.detail(`remove directory ${this.#short(path)}`);
    } catch {
      this.#report.warning(`remove subdirectory ${this.#short(path)}: Directory not empty`);
    }
  }

  #file(
    queue: string,
    path: string,
    { name, inode }: DirectoryEntry,
    directory: DirectoryHandle | undefined,
  ): void {
    // Renamed a moment ago, into a directory that is looked at only now: its time comes.
    if (this.#pending.has(path)) return;
    const isMessage = MESSAGE_QUEUES.has(queue);
    const mayStay = !this.#options.purge || !isMessage || this.#isReady(directory, name);
    if (mayStay && path === this.#properPath(queue, name, isMessage ? inode : undefined)) return;
    const info = isMessage ? lstat(path) : undefined;
    // A running mail system has given it its name meanwhile, or delivered it.
    if (isMessage && info === undefined) return;
    if (info !== undefined && this.#options.purge && this.#purged(path, info)) return;
    const bare = name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : name;
    if (!isQueueId(bare) || bare.length > MAX_NAME || (info !== undefined && !hasInode(bare))) {
      this.#report.warning(`bogus file name: ${this.#short(path)}`);
      return;
    }
    if (!this.#options.structure) return;
    const wanted = info === undefined ? bare : this.#wantedId(bare, info.inode);
    if (wanted === bare) {
      const place = this.#place(queue, bare);
      if (place !== path) this.#rename(path, place);
      return;
    }
    this.#renameLogs(bare, wanted);
    const marked = this.#place(queue, wanted) + SUFFIX;
    if (!this.#rename(path, marked)) return;
    this.renamed += 1;
    this.#pending.add(marked);
  }

  /** Is it surely a complete message? The ordinary case, decided by bare name. */
  #isReady(directory: DirectoryHandle | undefined, name: string): boolean {
    return ((directory?.modeOf(name) ?? 0) & READY) === READY;
  }

  /** Where a file with this name should stand, if the name may stay; the ordinary case, decided without a look at the file. */
  #properPath(queue: string, id: string, inode: number | undefined): string | undefined {
    if (!isQueueId(id) || id.length > MAX_NAME) return undefined;
    if (inode !== undefined && this.#wantedId(id, inode) !== id) return undefined;
    return this.#place(queue, id);
  }

  #place(queue: string, id: string): string {
    return queue === "flush" ? this.#layout.prefix(queue) + id : this.#layout.path(queue as QueueName, id);
  }

  /** The id that a message should have, from its name and the inode number of its file. */
  #wantedId(id: string, inode: number): string {
    if (isLongId(id)) {
      if (!this.#settings.longIds) return hashText(id) + inodeText(inode);
      if (!this.#options.redundant || parseQueueId(id)?.inode === inode) return id;
      return id.slice(0, id.lastIndexOf("z") + 1) + longInodeText(inode);
    }
    const time = id.slice(0, TIME_WIDTH).padEnd(TIME_WIDTH, "0");
    return id.slice(TIME_WIDTH) === inodeText(inode) ? id : time + inodeText(inode);
  }

  #renameLogs(from: string, to: string): void {
    for (const log of LOGS) {
      const path = this.#layout.path(log, from);
      if (fileExists(path)) this.#rename(path, this.#layout.path(log, to));
    }
  }

  #purged(path: string, info: QueueFileInfo): boolean {
    if ((info.mode & READY) === READY || Date.now() / 1000 - info.mtime < MAX_UNFINISHED_AGE) return false;
    if (removeIfThere(path)) this.#report.detail(`removed file ${this.#short(path)}`);
    return true;
  }

  /** False if there is something under the new name already: nothing is ever overwritten. */
  #rename(from: string, to: string): boolean {
    if (fileExists(to)) {
      this.#report.warning(`${this.#short(from)} is left alone: ${this.#short(to)} exists`);
      return false;
    }
    try {
      try {
        renameFile(from, to);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound) || !fileExists(from)) throw error;
        makeParents(to);
        renameFile(from, to);
      }
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw fileError(error, `rename ${from} as ${to}`);
    }
    this.#report.detail(`renamed file ${this.#short(from)} as ${this.#short(to)}`);
    return true;
  }

  #short(path: string): string {
    return path.slice(this.#layout.directory.length + 1);
  }
}

/** A short id: whatever in the place of the microseconds, then an inode number. */
const SHORT_ID = /^\w{5}[0-9A-Fa-f]{0,16}$/;

/** Does a message's file name have an inode number in it? What has none was never made by a mail system. */
function hasInode(id: string): boolean {
  return isLongId(id) ? parseQueueId(id) !== undefined : SHORT_ID.test(id);
}

function inodeText(inode: number): string {
  return shortId(0, inode).slice(TIME_WIDTH);
}
