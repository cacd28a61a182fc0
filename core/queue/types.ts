/** Queue files as the rest of the program sees them. Formats: docs/queue-files.md. */

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
  /** Recipients still to be delivered. */
  readonly recipients: readonly Recipient[];
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
