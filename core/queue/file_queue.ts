import { BufferPool } from "../bytes/mod.ts";
import { changeMode, type FileHandle, GroupSync, openFile, renameFile } from "../system/mod.ts";
import { fileSource, handleSource } from "./byte_source.ts";
import { SourceContentReader } from "./content_reader.ts";
import { readEnvelope, readRecipients } from "./envelope.ts";
import { fileError } from "./file_errors.ts";
import { FileQueueWriter, KEPT_ROOM, MicroClock, type WriterHost } from "./file_writer.ts";
import { DirectoryLister } from "./directory_lister.ts";
import { isReady } from "./listing.ts";
import { MessageBuilder } from "./listing_sink.ts";
import { MessageScanner } from "./message_scanner.ts";
import { QueueLayout } from "./layout.ts";
import { NewFileOwner } from "./new_file_owner.ts";
import { NewFilePlaces } from "./new_files.ts";
import { LogFiles } from "./log_files.ts";
import { lstat, readDirectory, removeIfThere, scanFiles } from "./queue_files.ts";
import type { QueueSettings } from "./settings.ts";
import { fixedNumber } from "./size_record.ts";
import {
  type ContentReader,
  type Envelope,
  type ListedMessage,
  type ListingOptions,
  type ListingSink,
  type LogName,
  type LogRecord,
  type Queue,
  QueueFileError,
  type QueueFileInfo,
  type QueueLock,
  type QueueName,
  type QueueWriter,
  type Recipient,
  type RecipientCursor,
  RecordType,
} from "./types.ts";

/** So many buffers are kept for the next messages. */
const MOST_BUFFERS = 24;

const DONE = Uint8Array.of(RecordType.Done);
const KILLED = Uint8Array.of(RecordType.Killed);

/** The queue directory tree on disk, one file a message. */
export class FileQueue implements Queue {
  readonly directory: string;
  readonly longIds: boolean;
  readonly #layout: QueueLayout;
  readonly #settings: QueueSettings;
  readonly #writerHost: WriterHost;
  readonly #owner: NewFileOwner;
  readonly #logs: LogFiles;

  constructor(settings: QueueSettings, group = new GroupSync()) {
    this.directory = settings.directory;
    this.longIds = settings.longIds;
    this.#settings = settings;
    this.#layout = new QueueLayout(settings.directory, settings);
    this.#owner = new NewFileOwner(settings.mailOwner);
    this.#logs = new LogFiles(this.#layout, settings, this.#owner);
    const buffers = new BufferPool(8192, KEPT_ROOM, MOST_BUFFERS);
    this.#writerHost = {
      longIds: settings.longIds,
      clock: new MicroClock(),
      path: (name, id) => this.#layout.path(name, id),
      prefix: (name) => this.#layout.prefix(name),
      places: new NewFilePlaces(settings.directory),
      makeParents: (path) => this.#owner.makeParents(path),
      own: (path) => this.#owner.give(path),
      takeBuffer: () => buffers.take(),
      giveBuffer: (buffer) => buffers.give(buffer),
      sync: (fd) => group.sync(fd),
    };
  }

  create(queue: "incoming" | "maildrop"): QueueWriter {
    return new FileQueueWriter(this.#writerHost, queue);
  }

  path(queue: QueueName, id: string): string {
    return this.#layout.path(queue, id);
  }

  move(id: string, from: QueueName, to: QueueName, mtime?: number): void {
    this.#logs.over(id);
    const source = this.path(from, id);
    const target = this.path(to, id);
    try {
      if (mtime !== undefined) Deno.utimeSync(source, mtime, mtime);
      try {
        renameFile(source, target);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound) || !this.#layout.isHashed(to)) throw error;
        this.#owner.makeParents(target);
        renameFile(source, target);
      }
    } catch (error) {
      throw fileError(error, `move ${id} from ${from} to ${to}`);
    }
  }

  remove(queue: QueueName, id: string): boolean {
    this.#logs.over(id);
    return removeIfThere(this.path(queue, id));
  }

  corrupt(id: string, from: QueueName): void {
    this.move(id, from, "corrupt");
  }

  *scan(queue: QueueName): Iterable<string> {
    yield* scanFiles(this.#layout.prefix(queue), queue !== "maildrop");
  }

  stat(queue: QueueName, id: string): QueueFileInfo | undefined {
    return lstat(this.path(queue, id));
  }

  setMtime(queue: QueueName, id: string, seconds: number): void {
    try {
      Deno.utimeSync(this.path(queue, id), seconds, seconds);
    } catch (error) {
      throw fileError(error, `set the time of ${queue}/${id}`);
    }
  }

  setMode(queue: QueueName, id: string, mode: number): void {
    try {
      changeMode(this.path(queue, id), mode);
    } catch (error) {
      throw fileError(error, `set the mode of ${queue}/${id}`);
    }
  }

  readEnvelope(
    queue: QueueName,
    id: string,
    options: { readonly lock?: boolean; readonly recipientLimit?: number } = {},
  ): Envelope {
    const file = this.#open(queue, id);
    try {
      // Closing the file gives up the lock.
      if (options.lock === true && !file.tryLock("exclusive")) throw busy(queue, id);
      return readEnvelope(handleSource(file), id, this.#settings.attributeLimit, options.recipientLimit);
    } finally {
      file.close();
    }
  }

  readRecipients(
    queue: QueueName,
    id: string,
    from: RecipientCursor,
    limit: number,
  ): { readonly recipients: readonly Recipient[]; readonly next?: RecipientCursor } {
    const file = this.#open(queue, id);
    try {
      return readRecipients(handleSource(file), id, from, limit);
    } finally {
      file.close();
    }
  }

  openContent(queue: QueueName, id: string, offset: number): ContentReader {
    const file = this.#open(queue, id);
    if (!file.tryLock("shared")) {
      file.close();
      throw busy(queue, id);
    }
    return new SourceContentReader(handleSource(file), id, offset);
  }

  lock(queue: QueueName, id: string, mode: "shared" | "exclusive"): QueueLock {
    const file = this.#open(queue, id);
    if (!file.tryLock(mode)) {
      file.close();
      throw busy(queue, id);
    }
    return { release: () => file.close() };
  }

  markDone(queue: QueueName, id: string, offsets: Iterable<number>): void {
    this.#change(queue, id, (put) => {
      for (const offset of offsets) if (offset >= 0) put(offset, DONE);
    });
  }

  markWarned(queue: QueueName, id: string, offset: number): void {
    this.#change(queue, id, (put) => put(offset, new TextEncoder().encode(fixedNumber(-1))));
  }

  killTrace(queue: QueueName, id: string, offset: number): void {
    this.#change(queue, id, (put) => put(offset, KILLED));
  }

  #change(
    queue: QueueName,
    id: string,
    work: (put: (offset: number, bytes: Uint8Array) => void) => void,
  ): void {
    const file = this.#open(queue, id, "change");
    try {
      work((offset, bytes) => file.writeAt(bytes, offset));
    } catch (error) {
      throw fileError(error, `update ${queue}/${id}`);
    } finally {
      file.close();
    }
  }

  #open(queue: QueueName, id: string, access: "read" | "change" = "read"): FileHandle {
    try {
      return openFile(this.path(queue, id), access);
    } catch (error) {
      throw fileError(error, `open ${queue}/${id}`);
    }
  }

  list(queue: QueueName, id: string, options: ListingOptions): ListedMessage | undefined {
    const path = this.path(queue, id);
    try {
      const info = lstat(path);
      if (info === undefined || !isReady(info)) return undefined;
      const builder = new MessageBuilder();
      const logs = {
        defer: this.#logs.bytes("defer", id),
        bounce: options.bounced?.has(id) === false ? undefined : this.#logs.bytes("bounce", id),
      };
      const file = Deno.openSync(path);
      try {
        new MessageScanner(builder, options).scan(fileSource(file), queue, id, info, logs);
      } finally {
        file.close();
      }
      return builder.take();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        options.warn(fileError(error, `open ${queue}/${id}`).message);
      }
      return undefined;
    }
  }

  *listAll(queue: QueueName, options: ListingOptions): Iterable<ListedMessage> {
    const builder = new MessageBuilder();
    for (const _ of this.listInto(queue, options, builder)) yield builder.take()!;
  }

  listInto(queue: QueueName, options: ListingOptions, sink: ListingSink, part?: string): Iterable<void> {
    return new DirectoryLister(this.#layout, options, sink).queue(queue, part);
  }

  hashParts(queue: QueueName): string[] {
    const directories = queue === "maildrop" ? [] : readDirectory(this.#layout.prefix(queue))
      .filter(({ isDirectory, name }) => isDirectory && name.length === 1).map(({ name }) => name);
    return ["", ...directories];
  }

  appendLog(log: LogName, id: string, entry: LogRecord): Promise<void> {
    return this.#logs.append(log, id, entry);
  }

  readLog(log: LogName, id: string): LogRecord[] {
    return this.#logs.read(log, id);
  }

  hasLog(log: LogName, id: string): boolean {
    return this.#logs.has(log, id);
  }

  scanLogs(log: LogName): Iterable<string> {
    return this.#logs.scan(log);
  }

  removeLog(log: LogName, id: string): boolean {
    return this.#logs.remove(log, id);
  }

  startAfresh(id: string): void {
    this.#logs.startAfresh(id);
  }
}

function busy(queue: QueueName, id: string): QueueFileError {
  return new QueueFileError(`${queue}/${id} is locked by another process`, "busy");
}
