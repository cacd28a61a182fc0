/** The second half of a mail transaction: the content goes out, and what the server says at its end is recorded. */
import type { ContentReader, QueueFileError, Recipient } from "../../core/queue/types.ts";
import { Notify } from "../../core/queue/types.ts";
import { SmtpStreamError } from "../../core/smtp/mod.ts";
import type { DsnDetail } from "../delivery/types.ts";
import type { Attempt } from "./attempt.ts";
import { WireContent } from "./content.ts";
import { isPositive, oneLine, remoteDetail, type ServerReply } from "./dsn.ts";
import { mustDowngrade } from "./envelope.ts";
import type { Session } from "./session.ts";
import { refusal } from "./trouble.ts";

/** The message and how to treat it, for every session of a delivery. */
export interface Message {
  /** Internal form as it goes into MAIL and RCPT (`smtp_generic_maps`). */
  readonly rewrite?: (address: string) => Promise<string> | string;
  /** The content from its start; `downgrade`: with 8-bit parts encoded. Throws or rejects with `QueueFileError`. */
  open(downgrade: boolean): ContentReader | Promise<ContentReader>;
  /** Header lines in front of the content, for the recipients that the server accepted. */
  readonly prefix?: (accepted: readonly Recipient[]) => readonly string[];
  /** The server is the last one, as `flags=X` and `lmtp_assume_final` say. */
  readonly final: boolean;
  /** The content can't be read: the queue file is damaged. */
  damaged(error: QueueFileError): void;
}

/** State that the steps of one transaction share. */
export interface Progress {
  /** For `lost connection with X while ...`. */
  doing: string;
  accepted: Recipient[];
  /** The server answered to something that belongs to this transaction. */
  heard: boolean;
}

/** Sends the content and hears what became of it. With no accepted recipient, only the end of the content is sent. */
export async function sendContent(
  attempt: Attempt,
  session: Session,
  message: Message,
  keep: boolean,
  progress: Progress,
): Promise<void> {
  const { settings, features } = session;
  const quit = !keep && features.pipelining;
  const end = quit ? ".\r\nQUIT\r\n" : ".\r\n";
  let lostInside = false;
  if (progress.accepted.length === 0) session.stream.out.appendAscii(end);
  else {
    progress.doing = "sending message body";
    session.limit(settings.timeouts.dataXfer);
    const reader = await message.open(mustDowngrade(attempt.request, session));
    const wire = new WireContent(settings.lineLengthLimit);
    try {
      for (const line of message.prefix?.(progress.accepted) ?? []) session.send(line);
      await sendRecords(attempt, session, reader, wire);
      wire.append(end);
      progress.doing = END_OF_DATA;
      session.limit(settings.timeouts.dataDone);
      await session.stream.write(wire.piece);
      // After a failure the buffer may still be in the hands of the system, and must not go to another message.
      wire.release();
    } catch (error) {
      if (!(error instanceof SmtpStreamError) || error.kind !== "lost") throw error;
      // Servers that dislike the content often say why before they close.
      lostInside = true;
      session.stream.out.clear();
    } finally {
      reader.close();
    }
  }
  if (session.verbose) { for (const line of end.trimEnd().split("\r\n")) session.logSent(line); }
  if (!lostInside) progress.doing = END_OF_DATA;
  session.limit(settings.timeouts.dataDone);
  await noteEnd(attempt, session, message, progress, lostInside);
  if (lostInside) session.closing = true;
  else if (!keep) await quitSession(session, quit, progress);
}

const END_OF_DATA = "sending end of data -- message may be sent more than once";

/** Sends all content but the last piece, which is left in `wire`. */
async function sendRecords(
  attempt: Attempt,
  session: Session,
  reader: ContentReader,
  wire: WireContent,
): Promise<void> {
  const { stream, settings, features } = session;
  const send = async () => {
    await stream.write(wire.piece);
    stream.extendDeadline(wire.piece.length / settings.minDataRate, settings.timeouts.dataXfer);
    wire.clear();
  };
  while (wire.fill(reader)) await send();
  if (wire.wasCut) {
    const { queueId } = attempt.request;
    session.log.info(`${queueId}: breaking line > ${settings.lineLengthLimit} bytes with <CR><LF>SPACE`);
  }
  const age = Date.now() / 1000 - attempt.request.times.incoming;
  if (features.pixDelayDotCrLf && age >= settings.pixThresholdTime) {
    await send();
    await new Promise((resolve) => setTimeout(resolve, settings.pixDelayTime * 1000));
  }
}

/** The replies after the content: one in SMTP, one for each accepted recipient in LMTP (RFC 2033 section 4.2). */
async function noteEnd(
  attempt: Attempt,
  session: Session,
  message: Message,
  progress: Progress,
  lostInside: boolean,
): Promise<void> {
  const { accepted } = progress;
  const { request } = attempt;
  const lmtp = session.settings.protocol === "lmtp";
  for (let at = 0; at < (lmtp ? Math.max(accepted.length, 1) : 1); at++) {
    const reply = await session.reply();
    request.times.delivered = Date.now() / 1000;
    // A success for content that was not sent whole means nothing; nor does the answer to QUIT.
    if (isPositive(reply) && (lostInside || reply.code === 221)) {
      throw new SmtpStreamError("lost", `"${oneLine(reply)}" does not answer the end of content`);
    }
    if (accepted.length === 0) continue;
    if (lmtp) await noteDelivery(attempt, session, message, accepted[at]!, reply);
    else if (isPositive(reply)) {
      for (const recipient of accepted) {
        await attempt.deliveredTo(
          told(session, recipient, attempt),
          session.relay,
          success(session, message, reply),
        );
      }
    } else await attempt.failAll(session.relay, refusal(session, reply, "end of DATA command"), false);
  }
}

async function noteDelivery(
  attempt: Attempt,
  session: Session,
  message: Message,
  recipient: Recipient,
  reply: ServerReply,
): Promise<void> {
  if (isPositive(reply)) {
    await attempt.deliveredTo(
      told(session, recipient, attempt),
      session.relay,
      success(session, message, reply),
    );
  } else {
    await attempt.failRecipient(recipient, session.relay, refusal(session, reply, "end of DATA command"));
  }
}

/** RFC 3461 section 6.2.1: a server that knows DSN will notify the sender of success itself. */
function told(session: Session, recipient: Recipient, attempt: Attempt): Recipient {
  if (!session.features.dsn || (recipient.notify & Notify.Success) === 0) return recipient;
  return attempt.replaced(recipient, { ...recipient, notify: recipient.notify & ~Notify.Success });
}

/** A recipient is delivered, or relayed to a server that will tell the sender itself. */
export function success(session: Session, message: Message, reply: ServerReply): DsnDetail {
  // RFC 2033: LMTP servers deliver, unless they say that they notify senders themselves.
  const final = message.final || (session.settings.protocol === "lmtp" && !session.features.dsn);
  return {
    ...remoteDetail(session.peer.host, reply, reply.status, oneLine(reply)),
    action: final ? "delivered" : "relayed",
  };
}

/** Says goodbye. @param sent QUIT went out together with the end of the content */
export async function quitSession(session: Session, sent: boolean, progress: Progress): Promise<void> {
  session.closing = true;
  progress.doing = "sending QUIT";
  session.limit(session.settings.timeouts.quit);
  if (!sent) session.send("QUIT");
  if (session.settings.skipQuitResponse) await session.stream.flush();
  else await session.reply();
}
