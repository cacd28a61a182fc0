import { ByteBuffer } from "../bytes/mod.ts";
import { memorySource } from "./byte_source.ts";
import { SourceContentReader } from "./content_reader.ts";
import { readEnvelope, readRecipients } from "./envelope.ts";
import { isReady } from "./listing.ts";
import { MessageBuilder } from "./listing_sink.ts";
import { MessageScanner } from "./message_scanner.ts";
import { formatLogRecord, parseLog } from "./log_record.ts";
import { longId, shortId } from "./queue_id.ts";
import { toExternal } from "../address/quote.ts";
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

interface MemoryFile {
  bytes: Uint8Array;
  mode: number;
  mtime: number;
  inode: number;
  /** -1: exclusively locked, else the number of shared locks. */
  locks: number;
}

/** A queue in memory, for tests: what the one on disk does, without a disk. */
class MemoryQueue implements Queue {
  readonly directory = "(memory)";
  readonly #files = new Map<string, MemoryFile>();
  readonly #logs = new Map<string, Uint8Array[]>();
  #inode = 1000;

  constructor(readonly longIds: boolean) {}

  create(queue: "incoming" | "maildrop"): QueueWriter {
    this.#inode += 1;
    const now = Date.now();
    const created = { seconds: Math.floor(now / 1000), micros: (now % 1000) * 1000 };
    const id = this.longIds
      ? longId(created.seconds, created.micros, this.#inode)
      : shortId(created.micros, this.#inode);
    const file = { bytes: new Uint8Array(0), mode: 0o600, mtime: now / 1000, inode: this.#inode, locks: 0 };
    this.#files.set(`${queue}/${id}`, file);
    const buffer = new ByteBuffer();
    let open = true;
    return {
      id,
      created,
      get offset() {
        return buffer.length;
      },
      append: (bytes) => buffer.append(bytes),
      flush: () => {
        file.bytes = buffer.toBytes();
      },
      overwrite: (offset, bytes) => buffer.overwrite(offset, bytes),
      commit: (target) => {
        if (!open) return Promise.reject(new QueueFileError(`${id} was committed or discarded before`, "io"));
        open = false;
        file.bytes = buffer.toBytes();
        file.mode = queue === "maildrop" ? 0o744 : 0o700;
        if (target === "hold") this.move(id, queue, "hold");
        return Promise.resolve();
      },
      discard: () => {
        if (open) this.remove(queue, id);
        open = false;
      },
    };
  }

  path(queue: QueueName, id: string): string {
    return `${this.directory}/${queue}/${id}`;
  }

  move(id: string, from: QueueName, to: QueueName, mtime?: number): void {
    const file = this.#file(from, id);
    if (mtime !== undefined) file.mtime = mtime;
    this.#files.delete(`${from}/${id}`);
    this.#files.set(`${to}/${id}`, file);
  }

  remove(queue: QueueName, id: string): boolean {
    return this.#files.delete(`${queue}/${id}`);
  }

  corrupt(id: string, from: QueueName): void {
    this.move(id, from, "corrupt");
  }

  *scan(queue: QueueName): Iterable<string> {
    const prefix = `${queue}/`;
    for (const key of [...this.#files.keys()]) if (key.startsWith(prefix)) yield key.slice(prefix.length);
  }

  stat(queue: QueueName, id: string): QueueFileInfo | undefined {
    const file = this.#files.get(`${queue}/${id}`);
    if (file === undefined) return undefined;
    const { mode, mtime, inode } = file;
    return { mode, mtime, inode, size: file.bytes.length, uid: Deno.uid() ?? 0, links: 1, isFile: true };
  }

  setMtime(queue: QueueName, id: string, seconds: number): void {
    this.#file(queue, id).mtime = seconds;
  }

  setMode(queue: QueueName, id: string, mode: number): void {
    this.#file(queue, id).mode = mode;
  }

  readEnvelope(
    queue: QueueName,
    id: string,
    options: { readonly lock?: boolean; readonly recipientLimit?: number } = {},
  ): Envelope {
    const file = this.#file(queue, id);
    if (options.lock === true && file.locks !== 0) throw new QueueFileError(`${id} is locked`, "busy");
    return readEnvelope(memorySource(file.bytes), id, undefined, options.recipientLimit);
  }

  readRecipients(
    queue: QueueName,
    id: string,
    from: RecipientCursor,
    limit: number,
  ): { readonly recipients: readonly Recipient[]; readonly next?: RecipientCursor } {
    return readRecipients(memorySource(this.#file(queue, id).bytes), id, from, limit);
  }

  openContent(queue: QueueName, id: string, offset: number): ContentReader {
    const lock = this.lock(queue, id, "shared");
    const source = memorySource(this.#file(queue, id).bytes);
    return new SourceContentReader({ ...source, close: () => lock.release() }, id, offset);
  }

  lock(queue: QueueName, id: string, mode: "shared" | "exclusive"): QueueLock {
    const file = this.#file(queue, id);
    if (file.locks < 0 || (mode === "exclusive" && file.locks > 0)) {
      throw new QueueFileError(`${id} is locked`, "busy");
    }
    const step = mode === "exclusive" ? -1 : 1;
    file.locks += step;
    let held = true;
    return {
      release() {
        if (held) file.locks -= step;
        held = false;
      },
    };
  }

  markDone(queue: QueueName, id: string, offsets: Iterable<number>): void {
    const { bytes } = this.#file(queue, id);
    for (const offset of offsets) if (offset >= 0) bytes[offset] = RecordType.Done;
  }

  markWarned(queue: QueueName, id: string, offset: number): void {
    this.#file(queue, id).bytes.set(new TextEncoder().encode(fixedNumber(-1)), offset);
  }

  killTrace(queue: QueueName, id: string, offset: number): void {
    this.#file(queue, id).bytes[offset] = RecordType.Killed;
  }

  list(queue: QueueName, id: string, options: ListingOptions): ListedMessage | undefined {
    const builder = new MessageBuilder();
    this.#scan(queue, id, new MessageScanner(builder, options));
    return builder.take();
  }

  *listAll(queue: QueueName, options: ListingOptions): Iterable<ListedMessage> {
    const builder = new MessageBuilder();
    for (const _ of this.listInto(queue, options, builder)) yield builder.take()!;
  }

  *listInto(queue: QueueName, options: ListingOptions, sink: ListingSink, part?: string): Iterable<void> {
    if (part !== undefined && part !== "") return;
    const scanner = new MessageScanner(sink, options);
    for (const id of this.scan(queue)) if (this.#scan(queue, id, scanner)) yield;
  }

  hashParts(): string[] {
    return [""];
  }

  #scan(queue: QueueName, id: string, scanner: MessageScanner): boolean {
    const info = this.stat(queue, id);
    if (info === undefined || !isReady(info)) return false;
    const logs = { defer: this.#logBytes("defer", id), bounce: this.#logBytes("bounce", id) };
    return scanner.scan(memorySource(this.#file(queue, id).bytes), queue, id, info, logs);
  }

  appendLog(log: LogName, id: string, entry: LogRecord): Promise<void> {
    const key = `${log}/${id}`;
    const entries = this.#logs.get(key) ?? [];
    entries.push(formatLogRecord(entry, toExternal, true));
    this.#logs.set(key, entries);
    return Promise.resolve();
  }

  readLog(log: LogName, id: string): LogRecord[] {
    return (this.#logs.get(`${log}/${id}`) ?? []).flatMap((bytes) => parseLog(bytes, log));
  }

  #logBytes(log: LogName, id: string): Uint8Array | undefined {
    const entries = this.#logs.get(`${log}/${id}`);
    return entries === undefined ? undefined : Uint8Array.from(entries.flatMap((bytes) => [...bytes]));
  }

  hasLog(log: LogName, id: string): boolean {
    return this.#logs.has(`${log}/${id}`);
  }

  *scanLogs(log: LogName): Iterable<string> {
    const prefix = `${log}/`;
    for (const key of [...this.#logs.keys()]) if (key.startsWith(prefix)) yield key.slice(prefix.length);
  }

  removeLog(log: LogName, id: string): boolean {
    return this.#logs.delete(`${log}/${id}`);
  }

  startAfresh(id: string): void {
    for (const log of ["bounce", "defer", "trace"] as const) this.removeLog(log, id);
  }

  #file(queue: QueueName, id: string): MemoryFile {
    const file = this.#files.get(`${queue}/${id}`);
    if (file === undefined) throw new QueueFileError(`${queue}/${id}: no such file`, "missing");
    return file;
  }
}

/** A queue in memory, for tests. */
export function memoryQueue(options: { readonly longIds?: boolean } = {}): Queue {
  return new MemoryQueue(options.longIds ?? false);
}
