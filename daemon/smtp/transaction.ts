/** One mail transaction over a session: MAIL, RCPT, DATA, content, and what the server says to each. */
import { type ContentReader, QueueFileError, type Recipient } from "../../core/queue/types.ts";
import { Notify } from "../../core/queue/types.ts";
import { SmtpStreamError } from "../../core/smtp/mod.ts";
import { DeliveryFlag, type DsnDetail } from "../delivery/types.ts";
import type { Attempt } from "./attempt.ts";
import { WireContent } from "./content.ts";
import { ContentFilterError } from "./filter_content.ts";
import { localDetail, oneLine, remoteDetail, type ServerReply } from "./dsn.ts";
import { mailCommand, mustDowngrade, rcptCommand, requiresSmtputf8, xforwardCommands } from "./envelope.ts";
import { isPositive } from "./handshake.ts";
import type { Session } from "./session.ts";
import { whyUnfit } from "./require_tls.ts";
import { failConversation, refusal } from "./trouble.ts";

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

/** RCPT commands that are sent before replies are read: what fits in the buffers between client and server. */
const PIPELINED_RECIPIENTS = 100;

const PROBE = DeliveryFlag.ProbeMta | DeliveryFlag.ProbeUser;

/** State that the steps of one transaction share. */
interface Progress {
  /** For `lost connection with X while ...`. */
  doing: string;
  accepted: Recipient[];
  /** The server answered to something that belongs to this transaction. */
  heard: boolean;
}

/**
 * Delivers to the open recipients of `attempt`. Afterwards every one of them is delivered, recorded as failed, or kept
 * for the next server, and the session either may be used again or is marked `closing`.
 *
 * @param keep the session is to be kept for other messages
 * @param reused the session was idle before; if the server ended it meanwhile, nothing is recorded and the answer is
 *   `stale`
 */
export async function transact(
  attempt: Attempt,
  session: Session,
  message: Message,
  keep: boolean,
  reused: boolean,
): Promise<"done" | "stale"> {
  const { request } = attempt;
  const { features } = session;
  session.queueId = request.queueId;
  if (features.sizeLimit > 0 && features.sizeLimit < request.messageSize) {
    const reason =
      `message size ${request.messageSize} exceeds size limit ${features.sizeLimit} of server ${session.named}`;
    await attempt.failAll(session.relay, localDetail("5.3.4", reason), false);
    return "done";
  }
  if (!features.smtputf8 && session.settings.smtputf8 && requiresSmtputf8(request)) {
    const reason = `SMTPUTF8 is required, but was not offered by host ${session.named}`;
    await attempt.failAll(session.relay, localDetail("5.6.7", reason), false);
    if (!keep) await session.leave();
    return "done";
  }
  const unfit = whyUnfit(attempt, session);
  if (unfit !== undefined) {
    await attempt.failAll(session.relay, unfit, false);
    if (!keep) await session.leave();
    return "done";
  }
  const progress: Progress = { doing: "sending MAIL FROM", accepted: [], heard: false };
  try {
    await forwardClient(session, attempt, progress);
    if (await converse(attempt, session, message, keep, reused, progress)) return "done";
  } catch (error) {
    if (error instanceof QueueFileError) {
      await unreadable(attempt, session, message, error);
      return "done";
    }
    if (error instanceof ContentFilterError) {
      await unfiltered(attempt, session);
      return "done";
    }
    const lost = error instanceof SmtpStreamError && error.kind === "lost";
    if (!reused || progress.heard || !lost) {
      await failConversation(attempt, session, error, progress.doing);
      return "done";
    }
  }
  session.close();
  return "stale";
}

async function forwardClient(session: Session, attempt: Attempt, progress: Progress): Promise<void> {
  for (const command of xforwardCommands(attempt.request, session)) {
    const names = command.includes("PROTO=") || command.includes("HELO=")
      ? ["protocol/helo_name", "helo/protocol"]
      : ["name/address", "name/address"];
    progress.doing = `sending XFORWARD ${names[0]}`;
    session.limit(session.settings.timeouts.xforward);
    const reply = await session.command(command);
    if (!isPositive(reply)) {
      session.log.warning(
        `host ${session.named} said: ${oneLine(reply)} (in reply to XFORWARD ${names[1]} command)`,
      );
    }
  }
}

/** The commands and replies. False if a reused session was at its end. */
async function converse(
  attempt: Attempt,
  session: Session,
  message: Message,
  keep: boolean,
  reused: boolean,
  progress: Progress,
): Promise<boolean> {
  const { request, left } = attempt;
  const { settings } = session;
  const { timeouts } = settings;
  const { pipelining } = session.features;
  const probe = (request.flags & PROBE) !== 0;
  const toData = !probe || settings.verifyTarget === "data";
  request.times.connected = Date.now() / 1000;
  request.times.reuse = session.deliveries > 1 ? session.deliveries : 0;

  const rewrite = message.rewrite;
  const sender = rewrite === undefined ? request.sender : await rewrite(request.sender);
  session.send(mailCommand(request, session, sender, attempt.demand.level !== undefined));
  progress.doing = "sending MAIL FROM";
  session.limit(timeouts.mail);
  let mail: ServerReply | undefined;
  if (!pipelining) {
    mail = await session.reply();
    if (isIdleClose(mail, reused)) return false;
    progress.heard = true;
    if (!isPositive(mail)) {
      await attempt.failAll(session.relay, refusal(session, mail, "MAIL FROM command"), false);
      await abandon(session, keep, progress);
      return true;
    }
  }
  const batchSize = pipelining ? PIPELINED_RECIPIENTS : 1;
  let dataSent = false;
  for (let at = 0; at < left.length; at += batchSize) {
    const batch = left.slice(at, at + batchSize);
    for (const recipient of batch) {
      const address = rewrite === undefined ? recipient.address : await rewrite(recipient.address);
      session.send(rcptCommand(session, recipient, address));
    }
    if (pipelining && toData && at + batchSize >= left.length) {
      session.send("DATA");
      dataSent = true;
    }
    if (mail === undefined) {
      mail = await session.reply();
      if (isIdleClose(mail, reused)) return false;
      progress.heard = true;
      if (!isPositive(mail)) {
        await attempt.failAll(session.relay, refusal(session, mail, "MAIL FROM command"), false);
      }
    }
    const refused = !isPositive(mail);
    for (const recipient of batch) {
      progress.doing = "sending RCPT TO";
      session.limit(timeouts.rcpt);
      const reply = await session.reply();
      // Once MAIL was refused, all recipients have their answer.
      if (!refused) {
        await noteRecipient(attempt, session, message, recipient, reply, progress, probe && !toData);
      }
    }
    if (refused && !dataSent) break;
  }
  const { accepted } = progress;
  if (!toData || (!dataSent && accepted.length === 0)) {
    await abandon(session, keep, progress);
    return true;
  }

  progress.doing = "sending DATA command";
  session.limit(timeouts.dataInit);
  if (!dataSent) session.send("DATA");
  const go = await session.reply();
  if (Math.floor(go.code / 100) !== 3) {
    if (accepted.length > 0) {
      await attempt.failAll(session.relay, refusal(session, go, "DATA command"), false);
    }
    await abandon(session, keep, progress);
    return true;
  }
  if (probe && accepted.length > 0) {
    // The server waits for content now; leaving is the only way not to send any.
    session.closing = true;
    for (const recipient of accepted) {
      await attempt.deliveredTo(
        recipient,
        session.relay,
        success(session, message, { ...go, status: "2.0.0" }),
      );
    }
    return true;
  }
  await sendContent(attempt, session, message, keep, progress);
  return true;
}

/** A server that was tired of waiting says so in answer to the next command. */
function isIdleClose(reply: ServerReply, reused: boolean): boolean {
  return reused && reply.code === 421;
}

async function noteRecipient(
  attempt: Attempt,
  session: Session,
  message: Message,
  recipient: Recipient,
  reply: ServerReply,
  progress: Progress,
  probe: boolean,
): Promise<void> {
  if (!isPositive(reply)) {
    await attempt.failRecipient(recipient, session.relay, refusal(session, reply, "RCPT TO command"));
    return;
  }
  progress.accepted.push(recipient);
  if (probe) await attempt.deliveredTo(recipient, session.relay, success(session, message, reply));
}

/** Sends the content and hears what became of it. With no accepted recipient, only the end of the content is sent. */
async function sendContent(
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

function success(session: Session, message: Message, reply: ServerReply): DsnDetail {
  // RFC 2033: LMTP servers deliver, unless they say that they notify senders themselves.
  const final = message.final || (session.settings.protocol === "lmtp" && !session.features.dsn);
  return {
    ...remoteDetail(session.peer.host, reply, reply.status, oneLine(reply)),
    action: final ? "delivered" : "relayed",
  };
}

/** Leaves a transaction that will not go on. */
async function abandon(session: Session, keep: boolean, progress: Progress): Promise<void> {
  progress.doing = "sending final RSET";
  session.limit(session.settings.timeouts.rset);
  const reply = await session.command("RSET");
  if (!isPositive(reply)) session.closing = true;
  if (!keep) await quitSession(session, false, progress);
}

/** Says goodbye. @param sent QUIT went out together with the end of the content */
async function quitSession(session: Session, sent: boolean, progress: Progress): Promise<void> {
  session.closing = true;
  progress.doing = "sending QUIT";
  session.limit(session.settings.timeouts.quit);
  if (!sent) session.send("QUIT");
  if (session.settings.skipQuitResponse) await session.stream.flush();
  else await session.reply();
}

/** A table that the content depends on can't answer: later it may. */
async function unfiltered(attempt: Attempt, session: Session): Promise<void> {
  session.close();
  attempt.finalServer = true;
  const server = session.relay.replace(/:\d+$/, "");
  await attempt.failAll(
    session.relay,
    localDetail("4.3.0", `local data error while talking to ${server}`),
    false,
  );
}

/** The queue file is damaged in the middle: what was sent must not look like a whole message. */
async function unreadable(
  attempt: Attempt,
  session: Session,
  message: Message,
  error: QueueFileError,
): Promise<void> {
  session.close();
  session.log.warning(`${attempt.request.queueId}: cannot read the message content: ${error.message}`);
  message.damaged(error);
  attempt.finalServer = true;
  const detail = localDetail("4.3.0", "unreadable mail queue entry");
  await attempt.failAll(session.relay, detail, false);
}
