import { ContentReader, type Reply, reply, SmtpStreamError } from "../../core/smtp/mod.ts";
import { splitStatus } from "../../core/status/mod.ts";
import { type CleanupResult, CleanupStatus } from "../cleanup/types.ts";
import { checkEndOfData } from "./access/stages.ts";
import { writeContentStart, writeEnd } from "./envelope.ts";
import { sendRecords } from "./rcpt.ts";
import { END_OF_MESSAGE, type Session } from "./session.ts";
import type { Transaction } from "./transaction.ts";
import type { Blame } from "./notice_settings.ts";

/** Content records are handed to cleanup when there are this many bytes of them. */
const CONTENT_BATCH = 65536;

/** Octets that most messages fit in. */
const USUAL_MESSAGE = 8192;

/** Ends the envelope and starts the content. */
export function beginContent(session: Session, transaction: Transaction, dots: boolean): ContentReader {
  const { settings } = session;
  const reader = new ContentReader({
    lineLimit: settings.lineLimit,
    strict: session.strictLines,
    refuseBareLf: session.strictLines && settings.bareNewline === "reject",
    dots,
  });
  transaction.content = reader;
  transaction.records.ensure(USUAL_MESSAGE);
  writeContentStart(session, transaction, transaction.proxy === undefined ? transaction.queueId ?? "" : "");
  return reader;
}

/** Reads more input; the end of the connection is an error here. */
export async function moreInput(session: Session): Promise<void> {
  const { stream, settings } = session;
  if (!await stream.fill()) throw new SmtpStreamError("lost", "The client closed the connection");
  if (settings.perRequestDeadline) {
    stream.extendDeadline(stream.buffered / settings.minDataRate, settings.timeout);
  }
}

/**
 * Takes notice of what the reader found after each piece: too large content is no longer passed on, the rest goes to
 * cleanup in large pieces.
 */
export async function passOn(
  session: Session,
  transaction: Transaction,
  reader: ContentReader,
): Promise<void> {
  const { messageSizeLimit } = session.settings;
  if (!transaction.tooLarge && messageSizeLimit > 0 && reader.size > messageSizeLimit) {
    transaction.tooLarge = true;
    session.warn(`${session.id}: queue file size limit exceeded`);
  }
  if (transaction.tooLarge) transaction.records.clear();
  else if (transaction.records.length > CONTENT_BATCH) await sendRecords(transaction);
}

/** Finishes a message: last checks, queue file, reply. Ends the transaction. */
export async function endContent(
  session: Session,
  transaction: Transaction,
  reader: ContentReader,
  queued: (id: string) => string,
): Promise<boolean> {
  session.where = END_OF_MESSAGE;
  session.receiving = undefined;
  const answer = await settle(session, transaction, reader, queued);
  const { proxy } = transaction;
  if (proxy !== undefined) session.logProxied(answer.accepted, proxy.lastReply);
  session.transaction = undefined;
  session.forwarded = undefined;
  session.chunks = "none";
  if (answer.accepted) {
    session.errors = 0;
    session.junk = 0;
    session.transcript?.forgive();
    transaction.release();
  } else {
    transaction.message?.abort();
  }
  if (typeof answer.reply === "string") session.rawReply(answer.reply);
  else session.reply(answer.reply);
  await session.transcript?.flushIfLong(session);
  return answer.accepted;
}

interface Answer {
  readonly accepted: boolean;
  /** Text: a whole reply that a filter made. */
  readonly reply: Reply | string;
}

async function settle(
  session: Session,
  transaction: Transaction,
  reader: ContentReader,
  queued: (id: string) => string,
): Promise<Answer> {
  const message = transaction.message;
  if (message === undefined) return { accepted: false, reply: problem(session, CleanupStatus.Bad) };
  if (transaction.tooLarge) return { accepted: false, reply: problem(session, CleanupStatus.Size) };
  if (reader.bareLf && session.strictLines) {
    if (session.settings.bareNewline === "reject") {
      session.logDecision("reject", "bare <LF> received");
      session.blame("protocol");
      const { bareNewlineCode, hostname } = session.settings;
      return {
        accepted: false,
        reply: reply(bareNewlineCode, "5.5.2", `${hostname} Error: bare <LF> received`),
      };
    }
    if (session.settings.bareNewline === "note") session.logDecision("info", "bare <LF> received");
  }
  const refusal = await checkEndOfData(session);
  if (refusal !== undefined) return { accepted: false, reply: refusal };
  writeEnd(transaction);
  await sendRecords(transaction);
  const result = await message.finish();
  // From here on the message is cleanup's: there is nothing left to abort.
  transaction.message = undefined;
  // The filter's words, whatever they are.
  if (transaction.proxy !== undefined) {
    const accepted = result.status === CleanupStatus.Ok;
    if (!accepted) problem(session, result.status);
    return { accepted, reply: result.reason };
  }
  if (result.status === CleanupStatus.Ok) {
    return { accepted: true, reply: reply(250, "2.0.0", `Ok: ${queued(message.queueId)}`) };
  }
  return { accepted: false, reply: refusalFor(session, result) };
}

/** Replies to what cleanup reports, most specific first, and whose matter each is. */
const PROBLEMS: readonly (readonly [number, Blame, Reply])[] = [
  [CleanupStatus.Defer, "policy", reply(451, "4.7.1", "Error: service unavailable")],
  [CleanupStatus.Proxy, "software", reply(451, "4.3.0", "Error: queue file write error")],
  [CleanupStatus.Bad, "software", reply(451, "4.3.0", "Error: internal error")],
  [CleanupStatus.NoRecipients, "software", reply(550, "5.1.0", "Error: no recipients specified")],
  [CleanupStatus.Hops, "bounce", reply(554, "5.4.0", "Error: too many hops")],
  [CleanupStatus.Size, "bounce", reply(552, "5.3.4", "Error: message file too big")],
  [CleanupStatus.Content, "policy", reply(550, "5.7.1", "Error: message content rejected")],
  [CleanupStatus.Deny, "policy", reply(550, "5.7.1", "Error: service denied")],
  [CleanupStatus.Write, "resource", reply(451, "4.3.0", "Error: queue file write error")],
];

function problem(session: Session, status: number): Reply {
  const [, blame, refusal] = PROBLEMS.find(([bit]) => (status & bit) !== 0) ??
    [0, "software", reply(451, "4.3.0", "Error: internal error")] as const;
  session.blame(blame);
  return refusal;
}

/** The reply to what cleanup refused; it has logged why. */
function refusalFor(session: Session, result: CleanupResult): Reply | string {
  const standard = problem(session, result.status);
  const { reason } = result;
  if (reason === "") return standard;
  if (/^[45]\d\d[ -]/.test(reason)) return reason;
  const { status, text } = splitStatus(reason, standard.enhanced);
  return reply(standard.code, status, text);
}
