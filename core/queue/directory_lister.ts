import { messageOf } from "../errors/mod.ts";
import { type DirectoryHandle, openDirectory, type OpenFile } from "../system/mod.ts";
import { openFileSource } from "./byte_source.ts";
import type { QueueLayout } from "./layout.ts";
import { isReady } from "./listing.ts";
import { MessageScanner } from "./message_scanner.ts";
import { isQueueId } from "./queue_id.ts";
import { kindAt, readDirectory } from "./queue_files.ts";
import type { ListingOptions, ListingSink, LogName, QueueName } from "./types.ts";

/** Open directories of logs are few: one for every hash directory. */
const MAX_LOG_DIRECTORIES = 64;
/** Room for a log; for longer ones it grows. */
const LOG_ROOM = 16384;

/** Memory that one log of each message is read into. */
class LogRoom {
  #bytes = new Uint8Array(LOG_ROOM);

  /** The whole of a file, valid until the next call. */
  read(file: OpenFile): Uint8Array {
    let length = 0;
    for (;;) {
      const room = length === 0 ? this.#bytes : this.#bytes.subarray(length);
      const count = file.readAt(room, length);
      length += count;
      // A short read of a file is its end.
      if (length < this.#bytes.length) return this.#bytes.subarray(0, length);
      const larger = new Uint8Array(length * 4);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
  }
}

/**
 * Lists whole queues, one directory after the other, with the directory kept open: a listing of a hundred thousand messages
 * spends its time in opening files, and not in reading them.
 */
export class DirectoryLister {
  readonly #layout: QueueLayout;
  readonly #options: ListingOptions;
  readonly #scanner: MessageScanner;
  readonly #room = new Uint8Array(8192);
  readonly #logRooms = { defer: new LogRoom(), bounce: new LogRoom() };
  readonly #logDirectories = new Map<string, { [Log in LogName]?: DirectoryHandle | undefined }>();

  constructor(layout: QueueLayout, options: ListingOptions, sink: ListingSink) {
    this.#layout = layout;
    this.#options = options;
    this.#scanner = new MessageScanner(sink, options);
  }

  /** Lists a queue, or the part of it that `Queue.hashParts` names, one message a step. */
  *queue(name: QueueName, part?: string): Generator<void> {
    const prefix = this.#layout.prefix(name);
    const descend = name !== "maildrop" && part !== "";
    try {
      yield* this.#directory(name, part === undefined || part === "" ? prefix : `${prefix}${part}/`, descend);
    } finally {
      this.#closeLogs();
    }
  }

  *#directory(name: QueueName, path: string, descend: boolean): Generator<void> {
    const handle = openDirectory(path);
    if (handle === undefined) {
      // Nothing, if it is not there; says why it can't be read, if it can't.
      readDirectory(path);
      return;
    }
    try {
      for (const entries of handle.batches()) {
        for (const entry of entries) {
          const kind = entry.kind === "unknown" ? kindAt(path + entry.name) : entry.kind;
          if (kind === "directory") {
            if (descend && entry.name.length === 1) {
              yield* this.#directory(name, `${path}${entry.name}/`, descend);
            }
          } else if (kind === "file" && isQueueId(entry.name)) {
            if (this.#message(handle, name, entry.name)) yield;
          }
        }
      }
    } finally {
      handle.close();
    }
  }

  #message(handle: DirectoryHandle, queue: QueueName, id: string): boolean {
    const file = handle.open(id);
    if (file === undefined) return false;
    try {
      const info = file.info();
      if (!isReady(info)) return false;
      const logs = {
        defer: this.#log("defer", id),
        bounce: this.#options.bounced?.has(id) === false ? undefined : this.#log("bounce", id),
      };
      return this.#scanner.scan(openFileSource(file, this.#room), queue, id, info, logs);
    } catch (error) {
      this.#options.warn(`${queue}/${id}: ${messageOf(error)}`);
      return false;
    } finally {
      file.close();
    }
  }

  #log(log: "defer" | "bounce", id: string): Uint8Array | undefined {
    const file = this.#logDirectory(log, id)?.open(id);
    if (file === undefined) return undefined;
    try {
      return this.#logRooms[log].read(file);
    } finally {
      file.close();
    }
  }

  /** Messages of one directory mostly have their logs in one directory, too: it is remembered by log and hash. */
  #logDirectory(log: LogName, id: string): DirectoryHandle | undefined {
    const hash = this.#layout.hash(log, id);
    let handles = this.#logDirectories.get(hash);
    if (handles === undefined) {
      if (this.#logDirectories.size >= MAX_LOG_DIRECTORIES) this.#closeLogs();
      handles = {};
      this.#logDirectories.set(hash, handles);
    }
    if (!(log in handles)) handles[log] = openDirectory(this.#layout.prefix(log) + hash);
    return handles[log];
  }

  #closeLogs(): void {
    for (const handles of this.#logDirectories.values()) {
      for (const handle of Object.values(handles)) handle?.close();
    }
    this.#logDirectories.clear();
  }
}
