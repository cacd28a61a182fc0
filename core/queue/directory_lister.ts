import { type DirectoryHandle, openDirectory, type OpenFile } from "../system/mod.ts";
import { openFileSource } from "./byte_source.ts";
import type { QueueLayout } from "./layout.ts";
import { isReady, listMessage } from "./listing.ts";
import { parseLog } from "./log_record.ts";
import { isQueueId } from "./queue_id.ts";
import { readDirectory } from "./queue_files.ts";
import type { ListedMessage, ListingOptions, LogName, LogRecord, Queue, QueueName } from "./types.ts";

/** Open directories of logs are few: one for every hash directory. */
const MAX_LOG_DIRECTORIES = 64;
const LOG_ROOM = 65536;

/**
 * Lists whole queues, one directory after the other, with the directory kept open: a listing of a hundred thousand messages
 * spends its time in opening files, and not in reading them.
 */
export class DirectoryLister {
  readonly #queue: Queue;
  readonly #layout: QueueLayout;
  readonly #options: ListingOptions;
  readonly #room = new Uint8Array(8192);
  readonly #logRoom = new Uint8Array(LOG_ROOM);
  readonly #logDirectories = new Map<string, { [Log in LogName]?: DirectoryHandle | undefined }>();

  /** @param queue takes over for single messages where directories can't be kept open */
  constructor(queue: Queue, layout: QueueLayout, options: ListingOptions) {
    this.#queue = queue;
    this.#layout = layout;
    this.#options = options;
  }

  /** The messages of one queue. */
  *queue(name: QueueName): Generator<ListedMessage> {
    try {
      yield* this.#directory(name, this.#layout.prefix(name), name !== "maildrop");
    } finally {
      this.#closeLogs();
    }
  }

  *#directory(name: QueueName, path: string, descend: boolean): Generator<ListedMessage> {
    const entries = readDirectory(path);
    const handle = openDirectory(path);
    try {
      for (const entry of entries) {
        if (entry.isDirectory) {
          if (descend && entry.name.length === 1) {
            yield* this.#directory(name, `${path}${entry.name}/`, descend);
          }
        } else if (entry.isFile && isQueueId(entry.name)) {
          const message = handle === undefined
            ? this.#queue.list(name, entry.name, this.#options)
            : this.#message(handle, name, entry.name);
          if (message !== undefined) yield message;
        }
      }
    } finally {
      handle?.close();
    }
  }

  #message(handle: DirectoryHandle, queue: QueueName, id: string): ListedMessage | undefined {
    const file = handle.open(id);
    if (file === undefined) return undefined;
    try {
      const info = file.info();
      if (!isReady(info)) return undefined;
      const logs = {
        defer: this.#log("defer", id),
        bounce: this.#options.bounced?.has(id) === false ? [] : this.#log("bounce", id),
      };
      return listMessage(openFileSource(file, this.#room), queue, id, info, logs, this.#options);
    } catch (error) {
      this.#options.warn(`${queue}/${id}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    } finally {
      file.close();
    }
  }

  #log(log: LogName, id: string): readonly LogRecord[] {
    const file = this.#logDirectory(log, id)?.open(id);
    if (file === undefined) return [];
    try {
      const bytes = this.#whole(file);
      return bytes === undefined ? this.#queue.readLog(log, id) : parseLog(bytes, log);
    } finally {
      file.close();
    }
  }

  /** The bytes of a file that is not larger than the room. */
  #whole(file: OpenFile): Uint8Array | undefined {
    const length = file.readAt(this.#logRoom, 0);
    return length === LOG_ROOM ? undefined : this.#logRoom.subarray(0, length);
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
