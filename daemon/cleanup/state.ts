import { ByteBuffer } from "../../core/bytes/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import type { QueueWriter } from "../../core/queue/types.ts";
import type { CleanupDeps } from "./deps.ts";
import type { Settings } from "./settings.ts";

/** What one cleanup service has at hand for every message. */
export interface Context {
  readonly deps: CleanupDeps;
  readonly settings: Settings;
  readonly log: Logger;
}

/** What is known about the message that is being received; the stages (envelope, content, extracted) share it. */
export class MessageState {
  readonly queueId: string;
  /** `CleanupFlag` bits; records from the client and checks may set more. */
  flags: number;
  /** `CleanupStatus` bits; once set, the rest of the input is read and thrown away. */
  errors = 0;
  reason = "";

  /** File bytes 0 .. contentOffset. */
  readonly head = new ByteBuffer(1024);
  /** From the `X` record to the end. */
  readonly tail = new ByteBuffer(128);
  /** The current part of the file: `head`, then `tail`. */
  out: ByteBuffer = this.head;
  contentOffset = 0;
  extractedOffset = 0;
  recipientCount = 0;
  /** `C` field 4. */
  queueManagerHints = 0;
  /** `C` field 6. */
  sendopts = 0;

  arrival: { seconds: number; micros: number } | undefined;
  /** After rewriting; undefined before the `S` record. */
  sender: string | undefined;
  fullName: string | undefined;
  /** The last recipient seen, for the log. */
  recipient: string | undefined;
  readonly attributes = new Map<string, string>();
  /** How header addresses are rewritten; undefined: not at all. */
  headerContext: "local" | "remote" | undefined = "local";
  envelopeId = "";
  returnFlags = 0;
  verpDelimiters: string | undefined;
  warningSeen = false;
  inRecipients = false;

  /** What came before the next recipient. */
  pendingOriginal: string | undefined;
  pendingDsnOriginal: string | undefined;
  pendingNotify = 0;

  /** What header and body checks asked for. */
  filter: string | undefined;
  redirect: string | undefined;
  readonly bccRecipients: string[] = [];

  /** Recipients written so far, for the duplicate filter. */
  readonly seen = new Set<string>();

  constructor(readonly context: Context, readonly writer: QueueWriter, flags: number) {
    this.queueId = writer.id;
    this.flags = flags;
  }

  /** The message is refused: sets a status bit and, for a broken protocol, says why in the log. */
  refuse(status: number, complaint?: string): void {
    this.errors |= status;
    if (complaint !== undefined) {
      this.context.log.warning(`${this.queueId}: message rejected: ${complaint}`);
    }
  }

  warn(text: string): void {
    this.context.log.warning(`${this.queueId}: ${text}`);
  }
}
