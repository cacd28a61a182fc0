import { BufferPool, type ByteBuffer } from "../../core/bytes/mod.ts";
import type { ContentReader } from "../../core/smtp/mod.ts";
import type { CleanupMessage } from "../cleanup/types.ts";
import type { ProxyMessage } from "./proxy_message.ts";

/** `none`: no BDAT yet; `open`: content is arriving; `failed`: the rest is thrown away. */
export type ChunkState = "none" | "open" | "failed";

const NOTHING = new Uint8Array(0);

/** Room for records that a transaction keeps between batches, in bytes: a batch of content and what fills it up. */
export const KEPT_ROOM = 256 * 1024;
/** So many buffers are kept for the next transactions. */
const MOST_BUFFERS = 32;

/** Thousands of clients may stop before the content: a new buffer has room for an envelope and no more. */
const recordBuffers = new BufferPool(1024, KEPT_ROOM, MOST_BUFFERS);

/** One mail transaction: from MAIL to the end of its content, or to RSET. */
export class Transaction {
  /** Internal form. */
  sender = "";
  /** When MAIL was accepted. */
  arrival = { seconds: 0, micros: 0 };
  encoding: "" | "7bit" | "8bit" = "";
  smtputf8 = false;
  /** RFC 8689: the message may travel only under TLS. */
  requireTls = false;
  envelopeId = "";
  /** Delimiters of XVERP. */
  verp = "";
  returnFlags = 0;
  /** `AUTH=` of MAIL as it was given. */
  saslSender = "";
  /** SIZE= of MAIL. */
  declaredSize = 0;
  recipients = 0;
  /** The first accepted recipient, internal form. */
  firstRecipient = "";
  overshoot = 0;
  message: CleanupMessage | undefined;
  /** The message, if it goes to the filter in front of the queue. */
  proxy: ProxyMessage | undefined;
  /** MAIL as the client sent it, for that filter. */
  mailCommand = "";
  /** Records that cleanup has not seen. */
  readonly records: ByteBuffer = recordBuffers.take();
  content: ContentReader | undefined;
  /** The content exceeds `message_size_limit`. */
  tooLarge = false;
  /** Bytes of content counted by chunk sizes. */
  chunkBytes = 0;
  /** A line that the last chunk left unfinished. */
  unfinished: Uint8Array = NOTHING;
  /** What access tables asked for, sent to cleanup before the content. */
  readonly actions = new AccessActions();

  get queueId(): string | undefined {
    return this.message?.queueId;
  }

  /** The transaction is over: its buffer is for the next ones. At most once, and nothing may be recorded after it. */
  release(): void {
    recordBuffers.give(this.records);
  }
}

/** What access(5) actions want done with the message. */
export class AccessActions {
  filter = "";
  redirect = "";
  hold = false;
  discard = false;
  readonly bcc: string[] = [];
  readonly prepend: string[] = [];
}
