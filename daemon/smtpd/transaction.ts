import { ByteBuffer } from "../../core/bytes/mod.ts";
import type { ContentReader } from "../../core/smtp/mod.ts";
import type { CleanupMessage } from "../cleanup/types.ts";
import type { ProxyMessage } from "./proxy_message.ts";

/** `none`: no BDAT yet; `open`: content is arriving; `failed`: the rest is thrown away. */
export type ChunkState = "none" | "open" | "failed";

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
  /** Records that cleanup has not seen. Thousands of clients may stop before the content: an envelope has room, no more. */
  readonly records = new ByteBuffer(1024);
  content: ContentReader | undefined;
  /** The content exceeds `message_size_limit`. */
  tooLarge = false;
  /** Bytes of content counted by chunk sizes. */
  chunkBytes = 0;
  /** A line that the last chunk left unfinished. */
  unfinished: Uint8Array = new Uint8Array(0);
  /** What access tables asked for, sent to cleanup before the content. */
  readonly actions = new AccessActions();

  get queueId(): string | undefined {
    return this.message?.queueId;
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
