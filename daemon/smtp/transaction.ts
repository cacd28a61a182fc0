/** One mail transaction over a session: MAIL, RCPT, DATA, content, and what the server says to each. */
import { QueueFileError, type Recipient } from "../../core/queue/types.ts";
import { SmtpStreamError } from "../../core/smtp/mod.ts";
import { DeliveryFlag } from "../delivery/types.ts";
import type { Attempt } from "./attempt.ts";
import { ContentFilterError } from "./filter_content.ts";
import { isPositive, localDetail, oneLine, type ServerReply } from "./dsn.ts";
import { mailCommand, rcptCommand, requiresSmtputf8, xforwardCommands } from "./envelope.ts";
import { type Message, type Progress, quitSession, sendContent, success } from "./send_content.ts";
import type { Session } from "./session.ts";
import { whyUnfit } from "./require_tls.ts";
import { failConversation, refusal } from "./trouble.ts";

/** RCPT commands that are sent before replies are read: what fits in the buffers between client and server. */
const PIPELINED_RECIPIENTS = 100;

const PROBE = DeliveryFlag.ProbeMta | DeliveryFlag.ProbeUser;

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

/** Leaves a transaction that will not go on. */
async function abandon(session: Session, keep: boolean, progress: Progress): Promise<void> {
  progress.doing = "sending final RSET";
  session.limit(session.settings.timeouts.rset);
  const reply = await session.command("RSET");
  if (!isPositive(reply)) session.closing = true;
  if (!keep) await quitSession(session, false, progress);
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
