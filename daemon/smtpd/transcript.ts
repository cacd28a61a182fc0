/**
 * What the postmaster is told about sessions that went wrong: the conversation, if `notify_classes` names what was wrong
 * with it, to `error_notice_recipient`. Passwords never get there.
 */
import { ByteBuffer, decodeText, encodeText } from "../../core/bytes/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import { appendTextRecord, RecordType } from "../../core/queue/mod.ts";
import { appendReply, type Reply } from "../../core/smtp/mod.ts";
import type { MaybePromise } from "../../core/table/mod.ts";
import { postMail } from "../bounce/mod.ts";
import type { Blame, NoticeSettings } from "./notice_settings.ts";
import { withoutSecrets } from "./secrets.ts";
import { printable } from "./printable.ts";
import type { Session } from "./session.ts";

/** Lines are no longer than this, and go on with so many blanks. */
const LINE_LENGTH = 78;
const INDENT = 4;

/** The conversation of a session and who is to blame for its errors. */
export class Transcript {
  /** Commands as they came, without secrets, and replies. */
  #entries: (string | Reply)[] = [];
  /** Lines of replies beyond the first. */
  #moreLines = 0;
  #blamed = false;
  /** Why the session ended before its time. */
  abortReason: string | undefined;

  constructor(private readonly settings: NoticeSettings) {}

  heard(session: Session, line: string): void {
    this.#entries.push(`In:  ${withoutSecrets(session, line)}`);
  }

  /** A response of an AUTH exchange. */
  heardSecret(): void {
    this.#entries.push("In:  (authentication data, not shown)");
  }

  replied(reply: Reply): void {
    this.#entries.push(reply);
    if (reply.text.includes("\n")) this.#moreLines += reply.text.split("\n").length - 1;
  }

  said(lines: readonly string[]): void {
    for (const line of lines) this.#entries.push(`Out: ${line}`);
  }

  /** An error is of this kind. */
  blame(kind: Blame): void {
    this.#blamed ||= this.settings.classes.has(kind);
  }

  /** A message went through: earlier errors are nobody's business. */
  forgive(): void {
    this.#blamed = false;
  }

  /** Ends a transcript that has grown long, with a notice if there was something to blame. */
  flushIfLong(session: Session): MaybePromise<void> {
    if (this.#entries.length + this.#moreLines > this.settings.flushThreshold) return this.flush(session);
  }

  /** Sends the notice if there is something to blame, and begins anew. */
  async flush(session: Session): Promise<void> {
    const entries = this.#entries;
    this.#entries = [];
    this.#moreLines = 0;
    if (!this.#blamed) return;
    this.#blamed = false;
    if (entries.length > 0) await this.#notify(session, entries);
  }

  async #notify(session: Session, entries: readonly (string | Reply)[]): Promise<void> {
    const { hostname, mail, recipient, sender } = this.settings;
    const content = new ByteBuffer(4096);
    const line = (text: string) => appendTextRecord(content, RecordType.Normal, text);
    line(`From: Mail Delivery System <MAILER-DAEMON@${hostname}>`);
    line(`To: Postmaster <${recipient}>`);
    line(`Subject: ${mail.mailName} SMTP server: errors from ${session.client.label}`);
    line("");
    line("Transcript of session follows.");
    line("");
    for (const entry of entries) for (const text of linesOf(entry)) line(text);
    line("");
    line(this.abortReason === undefined ? "" : `Session aborted, reason: ${this.abortReason}`);
    if (this.abortReason !== undefined) line("");
    line("For other details, see the local mail logfile");
    try {
      await postMail(session.service.deps.cleanup, mail, {
        sender,
        recipient,
        sendopts: 0,
        content: [content.view()],
      });
    } catch (error) {
      session.warn(`postmaster notify: ${messageOf(error)}`);
    }
  }
}

/** One command or reply as lines of the notice. */
function linesOf(entry: string | Reply): string[] {
  if (typeof entry === "string") return wrapped(entry);
  const wire = new ByteBuffer(256);
  appendReply(wire, entry);
  return decodeText(wire.view()).split("\r\n").slice(0, -1).flatMap((line) => wrapped(`Out: ${line}`));
}

/** A long line goes on in the next one, broken at a blank where there is one. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = " ";
  let room = LINE_LENGTH;
  // Octets that are no UTF-8 are lone surrogates here.
  for (const [piece, word] of printable(text).replace(/\p{Surrogate}/gu, "?").matchAll(/ *([^ ]+)/g)) {
    const size = encodeText(piece).length;
    if (size > room && line.trim() !== "") {
      lines.push(line);
      line = " ".repeat(1 + INDENT) + word;
      room = LINE_LENGTH - INDENT - encodeText(word!).length;
    } else {
      line += piece;
      room -= size;
    }
  }
  return [...lines, line];
}
