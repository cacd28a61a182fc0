/**
 * The seam between everything that receives mail (smtpd, pickup, bounce, local forwarding, the public cleanup socket)
 * and cleanup. The currency is framed queue file records (docs/queue-files.md): a client writes whole records in the
 * order envelope, `M`, content lines, `X`, extracted, `E`, in chunks of any number of records.
 */

/** `flags` of a cleanup request. */
export const CleanupFlag = {
  Bounce: 0x001,
  Filter: 0x002,
  Hold: 0x004,
  Discard: 0x008,
  Bcc: 0x010,
  Map: 0x020,
  Milter: 0x040,
  SmtpReply: 0x080,
  Smtputf8: 0x100,
  AutoUtf8: 0x200,
  RequireTls: 0x400,
} as const;

/** Bits of the status that cleanup answers with; 0 means queued. */
export const CleanupStatus = {
  Ok: 0,
  Bad: 1,
  Write: 2,
  Size: 4,
  Content: 8,
  Hops: 16,
  NoRecipients: 64,
  Proxy: 128,
  Defer: 256,
  Deny: 512,
  BareNewline: 65536,
} as const;

export interface CleanupResult {
  readonly status: number;
  /** Text for the client: empty, `5.7.1 text`, or a whole SMTP reply with flag SmtpReply. */
  readonly reason: string;
}

/** One message on its way into the queue. */
export interface CleanupMessage {
  /** The queue id, known from the start. */
  readonly queueId: string;
  /**
   * Whole records, back to back; the bytes are copied or used before it returns or resolves. A promise means: wait
   * for it before writing more (a lookup in a network table, a full buffer).
   */
  write(records: Uint8Array): void | Promise<void>;
  /** After the `E` record: resolves when the message is on disk (status 0), or refused and gone. */
  finish(): Promise<CleanupResult>;
  /** The flags, for a client that gets the queue id before it says what it wants. Only before the first `write`. */
  setFlags?(flags: number): void;
  /** The client went away: the file is removed. */
  abort(): void;
}

export interface CleanupService {
  /** Opens a queue file. Throws `QueueFileError` `io` when none can be made (disk full, no permission). */
  begin(flags: number): CleanupMessage;
}
