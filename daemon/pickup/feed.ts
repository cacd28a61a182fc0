/**
 * Turns the records of a local submission (a maildrop file, or what a user's command sent) into what cleanup wants:
 * local mail is completed with its time and a Received: header, and stripped of what users may not say.
 */
import { ByteBuffer, decodeText, encodeText } from "../../core/bytes/mod.ts";
import { mailDate } from "../../core/message/mod.ts";
import {
  appendRecord,
  appendRecordHeader,
  appendTextRecord,
  attributeRecordType,
  parseAttribute,
  RecordCursor,
  RecordType,
} from "../../core/queue/mod.ts";
import type { CleanupMessage } from "../cleanup/types.ts";

/** The submission is not what it should be; nothing of it may be delivered. */
export class SubmissionError extends Error {
  override readonly name = "SubmissionError";
}

export interface Submission {
  readonly uid: number;
  /** Seconds: when it was submitted, if it does not say so itself. */
  readonly time: number;
  readonly myhostname: string;
  /** `mail_name`, for the Received: header. */
  readonly mailName: string;
  /** `line_length_limit`: no record may be longer. */
  readonly recordLimit: number;
  /** `content_filter`; empty for none. */
  readonly contentFilter: string;
  /** Told the sender as submitted, once it is known. */
  readonly onSender: (sender: string) => void;
}

const letters = (text: string) => new Set([...text].map((letter) => letter.charCodeAt(0)));
const ENVELOPE = letters("MCTcFILSDRO/WVA>K<ion");
const EXTRACTED = letters("EDRO/PreAFIL>Kon");
/** What a user may not choose: filters and redirections belong to the administrator. */
const NOT_FROM_USERS = letters("L>");
const NOT_EXTRACTED = letters("L>re");

const SPACE = 0x20;
const TAB = 0x09;

/** Hands one submission to cleanup, record by record. */
export class SubmissionFeed {
  readonly #submission: Submission;
  readonly #message: CleanupMessage;
  readonly #out = new ByteBuffer(1024);
  #stage: "envelope" | "content" | "extracted" | "complete" = "envelope";
  #timed = false;
  #senderSeen = false;
  #contentBegun = false;

  constructor(message: CleanupMessage, submission: Submission) {
    this.#message = message;
    this.#submission = submission;
    if (submission.contentFilter !== "") {
      appendTextRecord(this.#out, RecordType.Filter, submission.contentFilter);
    }
  }

  get complete(): boolean {
    return this.#stage === "complete";
  }

  /**
   * Takes what is whole of `records` and says how many bytes that were. Throws `SubmissionError` when they are not a
   * submission.
   */
  async push(records: Uint8Array): Promise<number> {
    let cursor: RecordCursor;
    try {
      cursor = new RecordCursor(records, 0, this.#submission.recordLimit);
      while (this.#stage !== "complete" && cursor.next()) {
        if (this.#stage === "content" && isText(cursor.type)) this.#contentRun(records, cursor);
        else this.#record(cursor.type, cursor.data());
      }
    } catch (error) {
      if (error instanceof Error && error.name === "QueueFileError") throw new SubmissionError(error.message);
      throw error;
    }
    if (this.#out.length > 0) {
      const pending = this.#message.write(this.#out.view());
      if (pending !== undefined) await pending;
      this.#out.clear();
    }
    return cursor.end;
  }

  #record(type: number, data: Uint8Array): void {
    switch (this.#stage) {
      case "envelope":
        return this.#envelope(type, data);
      case "content":
        if (type !== RecordType.Extracted) throw unexpected(type);
        appendRecordHeader(this.#out, RecordType.Extracted, 0);
        this.#stage = "extracted";
        return;
      case "extracted":
        return this.#extracted(type, data);
      case "complete":
        return;
    }
  }

  #envelope(type: number, data: Uint8Array): void {
    if (!ENVELOPE.has(type)) throw unexpected(type);
    const out = this.#out;
    switch (type) {
      case RecordType.Message:
        if (!this.#senderSeen) throw new SubmissionError("no envelope sender");
        appendRecordHeader(out, RecordType.Message, 0);
        this.#receivedHeader();
        this.#stage = "content";
        return;
      case RecordType.Size:
        return;
      case RecordType.Time:
        this.#timed = true;
        break;
      case RecordType.Sender:
        this.#senderSeen = true;
        this.#putTime();
        this.#submission.onSender(decodeText(data));
        break;
      default:
        if (NOT_FROM_USERS.has(type)) return;
    }
    appendRecord(out, type, data);
  }

  /** cleanup wants to know the time before the sender. */
  #putTime(): void {
    if (this.#timed) return;
    this.#timed = true;
    appendTextRecord(this.#out, RecordType.Time, `${Math.floor(this.#submission.time)} 0`);
  }

  #receivedHeader(): void {
    const { myhostname, mailName, uid, time } = this.#submission;
    const line = (text: string) => appendRecord(this.#out, RecordType.Normal, encodeText(text));
    line(`Received: by ${myhostname} (${mailName}, from userid ${uid})`);
    line(`\tid ${this.#message.queueId}; ${mailDate(time)}`);
  }

  /** Copies all content records from the cursor's on in one piece and leaves the cursor on the last of them. */
  #contentRun(records: Uint8Array, cursor: RecordCursor): void {
    const first = records[cursor.start];
    if (!this.#contentBegun && cursor.end > cursor.start && (first === SPACE || first === TAB)) {
      // It must not become a continuation of the Received: header.
      appendRecordHeader(this.#out, RecordType.Normal, 0);
    }
    this.#contentBegun = true;
    const start = cursor.at;
    let end = cursor.end;
    while (isText(records[end]) && cursor.next()) end = cursor.end;
    this.#out.append(records.subarray(start, end));
  }

  #extracted(type: number, data: Uint8Array): void {
    if (!EXTRACTED.has(type)) throw unexpected(type);
    if (NOT_EXTRACTED.has(type)) return;
    if (type === RecordType.Attribute) {
      const name = parseAttribute(decodeText(data))?.name;
      if (name === undefined || attributeRecordType(name) === undefined) return;
    }
    appendRecord(this.#out, type, data);
    if (type === RecordType.End) this.#stage = "complete";
  }
}

function isText(type: number | undefined): boolean {
  return type === RecordType.Normal || type === RecordType.Continued;
}

function unexpected(type: number): SubmissionError {
  const shown = type > SPACE && type < 0x7f ? String.fromCharCode(type) : String(type);
  return new SubmissionError(`unexpected or malformed record type ${shown}`);
}
