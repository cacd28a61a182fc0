import { toExternal } from "../../core/address/mod.ts";
import type { BufferPool, ByteBuffer } from "../../core/bytes/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import type { QueueWriter } from "../../core/queue/mod.ts";
import { SendOption } from "../delivery/types.ts";
import type { CleanupDeps } from "./deps.ts";
import type { Settings } from "./settings.ts";
import { CleanupFlag, CleanupStatus } from "./types.ts";

/** What one cleanup service has at hand for every message. */
export interface Context {
  readonly buffers: BufferPool;
  readonly deps: CleanupDeps;
  readonly settings: Settings;
  readonly log: Logger;
}

/** After these there is no complete message, not even one that could be sent back. */
const INCOMPLETE = CleanupStatus.Bad | CleanupStatus.Write | CleanupStatus.Size | CleanupStatus.Defer;

/** What is known about the message that is being received; the stages (envelope, content, extracted) share it. */
export class MessageState {
  readonly queueId: string;
  /** `CleanupFlag` bits; records from the client and checks may change them. */
  flags: number;
  /** `CleanupStatus` bits. */
  errors = 0;
  reason = "";

  /** File bytes 0 .. contentOffset. */
  readonly head: ByteBuffer;
  /** From the `X` record to the end. */
  readonly tail: ByteBuffer;
  /** The part of the envelope that is being written: `head`, then `tail`. */
  out: ByteBuffer;
  contentOffset = 0;
  extractedOffset = 0;
  recipientCount = 0;
  /** `C` field 4. */
  queueManagerHints = 0;
  /** `SendOption` bits, `C` field 6. */
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
  /** The first Message-ID, angle brackets included. */
  messageId: string | undefined;

  /** Recipients written so far, for the duplicate filter. */
  readonly seen = new Set<string>();

  #fatal = ~0;

  constructor(readonly context: Context, readonly writer: QueueWriter, flags: number) {
    this.queueId = writer.id;
    this.head = this.out = context.buffers.take();
    this.tail = context.buffers.take();
    this.flags = flags;
    this.setFlags(flags);
  }

  /** What the client asks for; before the first record. */
  setFlags(flags: number): void {
    this.flags = flags;
    // What is to be sent back must be received first.
    this.#fatal = (flags & CleanupFlag.Bounce) !== 0 ? INCOMPLETE : ~0;
    if ((flags & CleanupFlag.Smtputf8) !== 0) this.sendopts |= SendOption.Smtputf8;
    if ((flags & CleanupFlag.RequireTls) !== 0) this.sendopts |= SendOption.RequireTls;
  }

  /** The message is done with: its buffers are for the next ones. */
  release(): void {
    this.context.buffers.give(this.head);
    this.context.buffers.give(this.tail);
  }

  /** Is the rest of the input of no interest? */
  get stopped(): boolean {
    return (this.errors & this.#fatal) !== 0 || (this.flags & CleanupFlag.Discard) !== 0;
  }

  /** May tables be asked about addresses? */
  get mapping(): boolean {
    return (this.flags & CleanupFlag.Map) !== 0;
  }

  /** The message is refused. `complaint` goes to the log. */
  refuse(status: number, complaint?: string): void {
    this.errors |= status;
    if (complaint !== undefined) this.warn(`message rejected: ${complaint}`);
  }

  warn(text: string): void {
    this.context.log.warning(`${this.queueId}: ${text}`);
  }

  /** An address in the form that log lines have. */
  logAddress(address: string): string {
    return address !== "" && this.context.settings.externalAddressLog ? toExternal(address) : address;
  }

  /** Logs what a check found: `ID: reject: header Subject: x from host[addr]; from=<s> to=<r> ...: text`. */
  logVerdict(verdict: string, where: string, text: string, detail: string): void {
    const value = (name: string) => this.attributes.get(name) ?? "";
    const origin = value("log_message_origin") || "local";
    let line = `${this.queueId}: ${verdict}: ${where} ${text.slice(0, 200)} from ${origin};` +
      ` from=<${this.logAddress(this.sender ?? "")}>` +
      ` to=<${this.recipient === undefined ? "unknown" : this.logAddress(this.recipient)}>`;
    if (value("log_protocol_name") !== "") line += ` proto=${value("log_protocol_name")}`;
    if (value("log_helo_name") !== "") line += ` helo=<${value("log_helo_name")}>`;
    this.context.log.info(detail === "" ? line : `${line}: ${detail}`, "content-check", {
      queueId: this.queueId,
      verdict,
      where,
    });
  }
}
