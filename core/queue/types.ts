/** Queue files as the rest of the program sees them. Formats: docs/queue-files.md. */
import type { ListedMessage, ListingOptions, ListingSink } from "./listing_types.ts";

export type * from "./listing_types.ts";

/** The queues that hold messages. */
export type QueueName = "maildrop" | "incoming" | "active" | "deferred" | "hold" | "corrupt";

/** Record type bytes of a queue file and of the stream into cleanup. */
export const RecordType = {
  Size: 0x43, // C
  Time: 0x54, // T
  Attribute: 0x41, // A
  CreateTime: 0x63, // c
  FullName: 0x46, // F
  Inspector: 0x49, // I
  Filter: 0x4c, // L in an envelope
  Sender: 0x53, // S
  Recipient: 0x52, // R
  Done: 0x44, // D
  Canceled: 0x2f, // /
  OriginalRecipient: 0x4f, // O
  Warning: 0x57, // W
  Killed: 0x4b, // K
  Redirect: 0x3e, // >
  Verp: 0x56, // V
  Message: 0x4d, // M: start of content
  Normal: 0x4e, // N: line
  Continued: 0x4c, // L in content: piece of a line
  Padding: 0x77, // w
  Pointer: 0x70, // p
  Extracted: 0x58, // X: end of content
  End: 0x45, // E
  DsnReturn: 0x3c, // <
  DsnEnvelopeId: 0x69, // i
  DsnOriginalRecipient: 0x6f, // o
  DsnNotify: 0x6e, // n
  ReturnReceipt: 0x72, // r
  ErrorsTo: 0x65, // e
  Priority: 0x50, // P
  Flags: 0x66, // f, only towards cleanup
  Milters: 0x6d, // m, only towards cleanup
} as const;

/** Why a queue file can't be used; `message` names the file, the offset and what was expected. */
export class QueueFileError extends Error {
  override readonly name = "QueueFileError";
  constructor(message: string, readonly kind: "corrupt" | "missing" | "busy" | "io") {
    super(message);
  }
}

/** `notify_flags` bits (RFC 3461 NOTIFY). */
export const Notify = { Never: 1, Success: 2, Failure: 4, Delay: 8 } as const;

/** One recipient of a queue file. */
export interface Recipient {
  /** Internal (unquoted) form. */
  readonly address: string;
  /** Before rewriting and alias expansion; the address itself if the file has none. */
  readonly original: string;
  /** `rfc822;joe@example.com`, empty if unknown. */
  readonly dsnOriginal: string;
  readonly notify: number;
  /** Absolute offset of the type byte of the `R` record; -1: do not mark. */
  readonly offset: number;
}

/** Where reading the recipients of a queue file goes on. */
export interface RecipientCursor {
  /** File offset of the next record. */
  readonly position: number;
  /** Behind the content already? */
  readonly extracted: boolean;
  /** File offset of the `X` record. */
  readonly contentEnd: number;
}

/** What a queue file says outside its content. */
export interface Envelope {
  /** `C` fields, see docs/queue-files.md: content segment size, content offset, recipient count, hints, message size, sendopts. */
  readonly contentSize: number;
  readonly contentOffset: number;
  readonly recipientCount: number;
  readonly hints: number;
  readonly messageSize: number;
  readonly sendopts: number;
  /** Seconds and microseconds of the `T` record. */
  readonly arrival: { readonly seconds: number; readonly micros: number };
  /** Seconds; base of expiry and back-off. */
  readonly createTime: number;
  readonly sender: string;
  readonly fullName?: string;
  /** Named attributes that have no field of their own (`log_client_name`, `encoding`, `sasl_method` ...). */
  readonly attributes: ReadonlyMap<string, string>;
  readonly envelopeId: string;
  readonly returnFlags: number;
  readonly filter?: string;
  readonly inspector?: string;
  readonly redirect?: string;
  readonly verpDelimiters?: string;
  /** When to send the delay warning (seconds, -1: was sent) and where the payload stands in the file. */
  readonly warning?: { readonly seconds: number; readonly offset: number };
  /** Offset of the `A trace_flags` record, to kill it once reported. */
  readonly traceOffset?: number;
  /** Recipients still to be delivered: all, or as many as were asked for. */
  readonly recipients: readonly Recipient[];
  /** Where `Queue.readRecipients` goes on, if not all were read. */
  readonly moreRecipients?: RecipientCursor;
  /** How many are done. */
  readonly doneCount: number;
}

/**
 * What changes hands when a message was queued: the bytes of the file before its content and behind it, so that
 * the queue manager need not read what was just written.
 */
export interface QueuedMessage {
  readonly id: string;
  readonly queue: QueueName;
  /** File bytes 0 .. contentOffset. */
  readonly head: Uint8Array;
  /** File bytes from the `X` record to the end. */
  readonly tail: Uint8Array;
  /** Absolute offset of `tail`. */
  readonly tailOffset: number;
}

/** A queue file being written: created under its final id, mode 0600, invisible until committed. */
export interface QueueWriter {
  readonly id: string;
  /** Creation time, the base of the id. */
  readonly created: { readonly seconds: number; readonly micros: number };
  /** Appends; small messages stay in memory until `commit`, large ones go to disk piece by piece. */
  append(bytes: Uint8Array): void;
  /** Bytes appended so far = offset of the next record. */
  readonly offset: number;
  /** Writes to the file what is still in memory, so that it can be read; the file stays uncommitted. */
  flush(): void;
  /** Overwrites bytes written before (the `C` record at offset 0). */
  overwrite(offset: number, bytes: Uint8Array): void;
  /**
   * Makes the message real: everything written, mode 0700, synced. Resolves only when it is on disk. `queue` moves the
   * file to hold before the commit mark is set. Rejects with `QueueFileError` `io`; then the file is gone.
   */
  commit(queue?: "incoming" | "hold" | "maildrop"): Promise<void>;
  /** Removes the file; no effect after `commit`. */
  discard(): void;
}

/** The logs that tell what happened to a message's recipients. */
export type LogName = "bounce" | "defer" | "trace";

/** One recipient's fate in a bounce, defer or trace log. */
export interface LogRecord {
  /** `address` and `original` in quoted (RFC 5322) form, as they stand in the log. */
  readonly recipient: Recipient;
  /** `delayed`, `failed`, `delivered`, `relayed`, `expanded`, `deliverable`, `undeliverable`. */
  readonly action: string;
  /** `5.1.1` */
  readonly status: string;
  readonly reason: string;
  readonly diagnostic?: { readonly type: string; readonly text: string };
  readonly remote?: { readonly type: string; readonly name: string };
}

/** What a directory entry of a queue says without opening it. */
export interface QueueFileInfo {
  /** Permission bits, `0o700` for a complete message. */
  readonly mode: number;
  readonly size: number;
  /** Seconds. */
  readonly mtime: number;
  readonly uid: number;
  readonly inode: number;
  readonly links: number;
  readonly isFile: boolean;
}

/**
 * The content of a message: one record after the other without padding, pointers followed. The records' types are
 * `Normal` and `Continued`; nothing is allocated per record.
 */
export interface ContentReader {
  /** Goes to the next record; false when the content is through. Throws `QueueFileError`. */
  next(): boolean;
  readonly type: number;
  /** The current record's data is `bytes[start .. end)`, valid until the next call. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Back to the first record. */
  rewind(): void;
  /** Closes the file and gives up its lock. */
  close(): void;
}

/** A lock on a queue file, held until released. */
export interface QueueLock {
  release(): void;
}

/**
 * A queue directory tree. Every operation but `QueueWriter.commit` is synchronous, and every one throws
 * `QueueFileError`: `missing` if the file isn't there, `busy` if somebody else holds its lock, `corrupt`, `io`.
 */
export interface Queue {
  /** The queue directory, for messages. */
  readonly directory: string;
  readonly longIds: boolean;

  /** Opens a new queue file; throws `io` when none can be made. */
  create(queue: "incoming" | "maildrop"): QueueWriter;
  /** Where a message is or would be. */
  path(queue: QueueName, id: string): string;
  /** Renames; `mtime` (seconds) becomes the access and modification time, set before the move. */
  move(id: string, from: QueueName, to: QueueName, mtime?: number): void;
  /** Removes the file; false if it was not there. */
  remove(queue: QueueName, id: string): boolean;
  /** Moves a damaged file to `corrupt`. */
  corrupt(id: string, from: QueueName): void;
  /** Ids of the files in a queue, in no order; one directory of it is in memory at a time. */
  scan(queue: QueueName): Iterable<string>;
  /** Undefined if the file isn't there. */
  stat(queue: QueueName, id: string): QueueFileInfo | undefined;
  setMtime(queue: QueueName, id: string, seconds: number): void;
  setMode(queue: QueueName, id: string, mode: number): void;

  /**
   * Reads what stands outside the content. With `lock`, the file is locked exclusively meanwhile, and `busy` thrown if
   * a delivery is under way. With `recipientLimit`, no more recipients than that are kept.
   */
  readEnvelope(
    queue: QueueName,
    id: string,
    options?: { readonly lock?: boolean; readonly recipientLimit?: number },
  ): Envelope;
  /** Reads at most `limit` more recipients that are still to be delivered. */
  readRecipients(
    queue: QueueName,
    id: string,
    from: RecipientCursor,
    limit: number,
  ): { readonly recipients: readonly Recipient[]; readonly next?: RecipientCursor };
  /** The content from `offset` (`Envelope.contentOffset`) on. Takes a shared lock; throws `busy` if it can't. */
  openContent(queue: QueueName, id: string, offset: number): ContentReader;
  /** Holds the file locked: `shared` for a delivery that does not read the content, `exclusive` for changes. */
  lock(queue: QueueName, id: string, mode: "shared" | "exclusive"): QueueLock;

  /** Marks recipients as done: the type byte at each offset becomes `D`. Negative offsets are skipped. */
  markDone(queue: QueueName, id: string, offsets: Iterable<number>): void;
  /** Notes in the file that the delay warning went out. @param offset `Envelope.warning.offset` */
  markWarned(queue: QueueName, id: string, offset: number): void;
  /** Takes the `trace_flags` attribute out of force. @param offset `Envelope.traceOffset` */
  killTrace(queue: QueueName, id: string, offset: number): void;

  /** What a listing says about a message; undefined if it is gone, unfinished or no message. */
  list(queue: QueueName, id: string, options: ListingOptions): ListedMessage | undefined;
  /** The same for all messages of a queue; what vanishes meanwhile is left out. */
  listAll(queue: QueueName, options: ListingOptions): Iterable<ListedMessage>;
  /**
   * The same, told to `sink`, one message a step.
   * @param part one of the hash directories that `hashParts` names; without it, the whole queue
   */
  listInto(queue: QueueName, options: ListingOptions, sink: ListingSink, part?: string): Iterable<void>;
  /**
   * The top hash directories of a queue that are there, which can be listed apart from each other; `""` stands for the
   * files that are in none.
   */
  hashParts(queue: QueueName): string[];

  /** Adds an entry to a log and syncs it. Addresses of `entry` in internal form. */
  appendLog(log: LogName, id: string, entry: LogRecord): Promise<void>;
  /** The entries of a log; none if there is no log. */
  readLog(log: LogName, id: string): LogRecord[];
  hasLog(log: LogName, id: string): boolean;
  /** Ids of the messages that have a log. */
  scanLogs(log: LogName): Iterable<string>;
  removeLog(log: LogName, id: string): boolean;
  /**
   * Says that a message is new. A short id comes again when microsecond and inode number do: logs that are there under
   * it are an earlier message's, which count for nothing and go before the first entry of the new one's own.
   */
  startAfresh(id: string): void;
}
