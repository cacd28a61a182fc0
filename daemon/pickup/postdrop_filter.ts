/**
 * The checks of postdrop(1): what an unprivileged user's program says is only let into the mail system record by record,
 * and nothing that the mail system keeps for itself.
 */
import { type ByteBuffer, decodeText } from "../../core/bytes/mod.ts";
import {
  appendRecord,
  attributeRecordType,
  parseAttribute,
  QueueFileError,
  RecordCursor,
  RecordType,
} from "../../core/queue/mod.ts";
import { CleanupStatus } from "../cleanup/types.ts";
import { SubmissionError } from "./feed.ts";

export interface PostdropRules {
  readonly uid: number;
  /** `line_length_limit`: no record may be longer. */
  readonly recordLimit: number;
  /** May the user send as this envelope sender (`local_login_sender_maps`)? */
  readonly maySendAs: (sender: string) => boolean | Promise<boolean>;
  readonly warn: (text: string) => void;
}

const letters = (text: string) => new Set([...text].map((letter) => letter.charCodeAt(0)));
const ALLOWED = { envelope: letters("MFSRVAinC"), content: letters("XLN"), extracted: letters("EAR") };

/** Line ends and NUL would end an address early in another program. */
const BROKEN_TEXT = /[\0\r\n]/;

/** Looks at the records of one submission, in their order. */
export class PostdropFilter {
  readonly #rules: PostdropRules;
  #stage: "envelope" | "content" | "extracted" | "complete" = "envelope";
  #hasSender = false;
  #hasRecipient = false;
  #deniedSender: string | undefined;

  constructor(rules: PostdropRules) {
    this.#rules = rules;
  }

  /** Was the `E` record there? */
  get complete(): boolean {
    return this.#stage === "complete";
  }

  /** What is to be answered once it is complete; status 0: the message can be kept. */
  get verdict(): { readonly status: number; readonly reason: string } {
    if (this.#deniedSender !== undefined) {
      return { status: CleanupStatus.Deny, reason: `not authorized to use sender='${this.#deniedSender}'` };
    }
    const usable = this.#hasSender && this.#hasRecipient;
    return { status: usable ? CleanupStatus.Ok : CleanupStatus.Bad, reason: "" };
  }

  /**
   * Takes the whole records of `records`, appends those that may pass to `out`, and says how many bytes it took.
   * Throws `SubmissionError` on anything that no program of the mail system would send.
   */
  async push(records: Uint8Array, out: ByteBuffer): Promise<number> {
    const cursor = new RecordCursor(records, 0, this.#rules.recordLimit);
    try {
      while (this.#stage !== "complete" && cursor.next()) {
        if (!ALLOWED[this.#stage].has(cursor.type)) {
          throw new SubmissionError(`uid=${this.#rules.uid}: unexpected record type: ${cursor.type}`);
        }
        if (this.#stage === "content" && cursor.type !== RecordType.Extracted) {
          out.append(records.subarray(cursor.at, cursor.end));
        } else if (await this.#accepts(cursor.type, cursor.data())) {
          appendRecord(out, cursor.type, cursor.data());
        }
      }
    } catch (error) {
      if (!(error instanceof QueueFileError)) throw error;
      throw new SubmissionError(`uid=${this.#rules.uid}: ${error.message}`);
    }
    return cursor.end;
  }

  /** Looks at a record outside the content; false: it is left out. */
  async #accepts(type: number, data: Uint8Array): Promise<boolean> {
    const text = decodeText(data);
    if (BROKEN_TEXT.test(text)) {
      throw new SubmissionError(
        `uid=${this.#rules.uid}: line end or NUL in record type ${String.fromCharCode(type)}`,
      );
    }
    switch (type) {
      case RecordType.Message:
        this.#stage = "content";
        return true;
      case RecordType.Extracted:
        this.#stage = "extracted";
        return true;
      case RecordType.End:
        this.#stage = "complete";
        return true;
      case RecordType.Size:
        return false;
      case RecordType.Sender:
        this.#hasSender = true;
        if (!(await this.#rules.maySendAs(text))) this.#deniedSender ??= text;
        return true;
      case RecordType.Recipient:
        this.#hasRecipient = true;
        return true;
      case RecordType.Attribute:
        return this.#acceptsAttribute(text);
      default:
        return true;
    }
  }

  #acceptsAttribute(text: string): boolean {
    const attribute = parseAttribute(text);
    if (attribute !== undefined) {
      const { name, value } = attribute;
      if (attributeRecordType(name) !== undefined) return true;
      if (name === "encoding" && (value === "7bit" || value === "8bit")) return true;
      if (name === "rewrite_context" && (value === "local" || value === "remote")) return true;
      // A report about an address probe, or about the first delivery.
      if (name === "trace_flags" && (value === "512" || value === "1024")) return true;
      if (name === "encoding" && value === "") return false;
    }
    this.#rules.warn(`uid=${this.#rules.uid}: ignoring attribute record: ${text.slice(0, 200)}`);
    return false;
  }
}
