import type { ByteBuffer } from "../bytes/mod.ts";
import { createFile, type FileHandle, renameFile, unlinkFile } from "../system/mod.ts";
import { fileError } from "./file_errors.ts";
import type { NewFilePlaces } from "./new_files.ts";
import { longId, shortId } from "./queue_id.ts";
import { QueueFileError, type QueueName, type QueueWriter } from "./types.ts";

/** A message stays in memory up to this many bytes, then goes to disk in pieces of this size. */
const MEMORY_LIMIT = 256 * 1024;

/** Room kept for the next message when a buffer is given back. */
export const KEPT_ROOM = 2 * MEMORY_LIMIT;

/** The rename that gives a file its id fails only if another file has that id; with a new time it won't. */
const ATTEMPTS = 5;

/** What the writer needs of its queue. */
export interface WriterHost {
  readonly longIds: boolean;
  readonly clock: MicroClock;
  path(queue: QueueName, id: string): string;
  prefix(queue: QueueName): string;
  /** Where files for `incoming` are made. */
  readonly places: NewFilePlaces;
  makeParents(path: string): void;
  /** Hands a new file of the mail system to its user. */
  own(path: string): void;
  takeBuffer(): ByteBuffer;
  giveBuffer(buffer: ByteBuffer): void;
  /** Syncs an open file, together with others that are due. */
  sync(fd: number): Promise<void>;
}

/** Steps backwards of this size (microseconds) are no jitter. */
const SET_BACK = 1_000_000;

/** Tells the time in microseconds. */
export class MicroClock {
  #last = 0;

  /** Now; no two calls get the same answer, which keeps temporary names apart. */
  now(): { seconds: number; micros: number } {
    // The system's clock has milliseconds; the digits below come from one that does not follow its corrections.
    const fraction = Math.floor(performance.now() * 1000 % 1000);
    let now = Date.now() * 1000 + fraction;
    // A clock that was set back is followed.
    if (now <= this.#last && this.#last - now < SET_BACK) now = this.#last + 1;
    this.#last = now;
    return { seconds: Math.floor(now / 1e6), micros: now % 1e6 };
  }
}

/**
 * A queue file on disk. For a small message the file operations are: open (exclusively, under a temporary name), fstat
 * (the inode number is part of the id), rename to the id; and at commit one write, chmod (the mark that the file
 * is complete), fsync, close. Nothing can be saved without giving up an id that names the inode or the commit mark.
 */
export class FileQueueWriter implements QueueWriter {
  readonly id: string;
  readonly created: { readonly seconds: number; readonly micros: number };
  readonly #host: WriterHost;
  readonly #file: FileHandle;
  readonly #buffer: ByteBuffer;
  readonly #finalMode: number;
  #path: string;
  /** Bytes that are on disk already. */
  #written = 0;
  #state: "open" | "committing" | "done" = "open";

  constructor(host: WriterHost, queue: "incoming" | "maildrop") {
    this.#host = host;
    // Mail in maildrop is readable, as postdrop(1) makes it; everything else belongs to the mail system alone.
    const mode = queue === "maildrop" ? 0o644 : 0o600;
    this.#finalMode = mode | 0o100;
    const opened = openNew(host, queue, mode);
    this.#file = opened.file;
    this.#path = opened.path;
    this.id = opened.id;
    this.created = opened.time;
    this.#buffer = host.takeBuffer();
  }

  get offset(): number {
    return this.#written + this.#buffer.length;
  }

  append(bytes: Uint8Array): void {
    this.#buffer.append(bytes);
    if (this.#buffer.length > MEMORY_LIMIT) this.#spill();
  }

  overwrite(offset: number, bytes: Uint8Array): void {
    if (offset < 0 || offset + bytes.length > this.offset) {
      throw new RangeError(`Cannot overwrite bytes ${offset} to ${offset + bytes.length} of ${this.offset}`);
    }
    if (offset < this.#written && offset + bytes.length > this.#written) this.#spill();
    if (offset >= this.#written) {
      this.#buffer.overwrite(offset - this.#written, bytes);
      return;
    }
    try {
      this.#file.writeAt(bytes, offset);
    } catch (error) {
      throw fileError(error, `write ${this.#path}`);
    }
  }

  flush(): void {
    this.#spill();
  }

  #spill(): void {
    try {
      this.#file.write(this.#buffer.view());
    } catch (error) {
      throw fileError(error, `write ${this.#path}`);
    }
    this.#written += this.#buffer.length;
    this.#buffer.clear(KEPT_ROOM);
  }

  async commit(queue?: "incoming" | "hold" | "maildrop"): Promise<void> {
    if (this.#state !== "open") {
      throw new QueueFileError(`${this.id} was committed or discarded before`, "io");
    }
    this.#state = "committing";
    try {
      this.#spill();
      if (queue === "hold") this.#moveTo(this.#host.path("hold", this.id));
      this.#file.setMode(this.#finalMode);
      await this.#host.sync(this.#file.fd);
    } catch (error) {
      this.#destroy();
      throw fileError(error, `complete queue file ${this.#path}`);
    }
    this.#state = "done";
    this.#file.close();
    this.#host.giveBuffer(this.#buffer);
  }

  #moveTo(path: string): void {
    renameInto(this.#host, this.#path, path);
    this.#path = path;
  }

  discard(): void {
    if (this.#state === "open") this.#destroy();
  }

  #destroy(): void {
    this.#state = "done";
    this.#host.giveBuffer(this.#buffer);
    // The file goes first: what a failed commit leaves behind would look like a message.
    try {
      unlinkFile(this.#path);
    } catch {
      // Without its commit mark nobody delivers it, and `postsuper -p` cleans it up.
    }
    this.#file.close();
  }
}

interface NewFile {
  file: FileHandle;
  path: string;
  id: string;
  time: { seconds: number; micros: number };
}

/** Renames a file; the directory of a hashed queue is made where it is missing. */
function renameInto(host: WriterHost, from: string, to: string): void {
  try {
    renameFile(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    host.makeParents(to);
    renameFile(from, to);
  }
}

function openNew(host: WriterHost, queue: "incoming" | "maildrop", mode: number): NewFile {
  let failure: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const time = host.clock.now();
    const place = queue === "incoming" ? host.places.next() : undefined;
    const temporary = `${place ?? host.prefix(queue)}${time.micros}.${Deno.pid}`;
    let file: FileHandle;
    try {
      file = createFile(temporary, mode);
    } catch (error) {
      failure = error;
      if (error instanceof Deno.errors.AlreadyExists) continue;
      if (place === undefined) break;
      host.places.forget();
      continue;
    }
    try {
      // A file in maildrop says who submitted it.
      if (queue === "incoming") host.own(temporary);
      const inode = file.inode();
      const id = host.longIds ? longId(time.seconds, time.micros, inode) : shortId(time.micros, inode);
      const path = host.path(queue, id);
      renameInto(host, temporary, path);
      return { file, path, id, time };
    } catch (error) {
      failure = error;
      file.close();
      try {
        unlinkFile(temporary);
      } catch {
        // The error that is reported below is the one that matters.
      }
      break;
    }
  }
  throw fileError(failure, `create a queue file in ${host.prefix(queue)}`);
}
