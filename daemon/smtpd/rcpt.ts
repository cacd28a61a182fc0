import { QueueFileError } from "../../core/queue/mod.ts";
import { reply } from "../../core/smtp/mod.ts";
import type { Word } from "../../core/smtp/mod.ts";
import { CleanupFlag } from "../cleanup/types.ts";
import { checkRecipient, isRewriteClient } from "./access/stages.ts";
import { writeEnvelope, writeRecipient } from "./envelope.ts";
import { exceedsRate } from "./limits.ts";
import { type RecipientOptions, recipientParameter } from "./parameters.ts";
import { acceptableAddress } from "./path.ts";
import { filterAttributes, ProxyMessage, withFilter } from "./proxy_message.ts";
import { printable } from "./printable.ts";
import type { Session } from "./session.ts";
import { KEPT_ROOM, type Transaction } from "./transaction.ts";
import { clientTold, forwardedLabel } from "./xforward.ts";

/** Envelope records are handed to cleanup when there are this many bytes of them. */
const ENVELOPE_BATCH = 16384;

/** RCPT TO:<address> (RFC 5321 section 4.1.1.3). */
export async function rcpt(session: Session, words: readonly Word[], line: string): Promise<boolean> {
  const { settings, transaction } = session;
  if (transaction === undefined) return session.refuse(503, "5.5.1", "Error: need MAIL command");
  if (session.chunks !== "none") return session.refuse(503, "5.5.1", "Error: RCPT after BDAT");
  if (await exceedsRate(session, "recipient")) {
    return session.refuse(
      450,
      "4.7.1",
      `Error: too many recipients from ${session.client.address}`,
      "policy",
    );
  }
  const path = words[2];
  if (path === undefined || words[1]!.text.toUpperCase() !== "TO:") {
    return session.refuse(501, "5.5.4", "Syntax: RCPT TO:<address>");
  }
  const rules = { allowEmpty: false, smtputf8: transaction.smtputf8 };
  const recipient = path.kind === "broken"
    ? undefined
    : await acceptableAddress(session, "RCPT", path, rules);
  if (recipient === undefined) return session.refuse(501, "5.1.3", "Bad recipient address syntax");
  const options: RecipientOptions = { notify: 0, originalRecipient: "" };
  const seen = new Set<string>();
  for (const word of words.slice(3)) {
    const refusal = recipientParameter(session, options, word.text, seen);
    if (refusal !== undefined) {
      return session.refuse(refusal.code, refusal.enhanced, printable(refusal.text));
    }
  }
  if (transaction.recipients >= settings.recipientLimit) {
    session.blame("policy");
    session.reply(reply(452, "4.5.3", "Error: too many recipients"));
    // RFC 5321 section 4.5.3.1.10: a client that overshoots a little does nothing wrong.
    return transaction.overshoot++ < settings.recipientOvershoot;
  }
  const refusal = await checkRecipient(session, recipient);
  if (refusal !== undefined) {
    session.reply(refusal);
    return false;
  }
  if (settings.proxyFilter !== undefined) {
    const refused = await withFilter(session, () => passRecipient(session, transaction, line));
    if (refused !== undefined) {
      session.rawReply(refused);
      return false;
    }
    // Not before the first accepted recipient, so that refused mail leaves no trace on disk.
  } else if (transaction.message === undefined && !await openMessage(session, transaction)) return false;
  if (transaction.recipients === 0) transaction.firstRecipient = recipient;
  transaction.recipients += 1;
  const originalRecipient = options.originalRecipient === ""
    ? `${transaction.smtputf8 && !isAscii(recipient) ? "utf-8" : "rfc822"};${asGiven(path.text)}`
    : options.originalRecipient;
  if (transaction.proxy === undefined) {
    writeRecipient(transaction.records, recipient, options.notify, originalRecipient);
  }
  if (transaction.records.length > ENVELOPE_BATCH) await sendRecords(transaction);
  session.reply(reply(250, "2.1.5", "Ok"));
  return true;
}

/** A path as the client wrote it, with its quotes and its source route. */
function asGiven(path: string): string {
  return path.startsWith("<") && path.endsWith(">") ? path.slice(1, -1) : path;
}

/** Hands the collected records to cleanup. */
export async function sendRecords(transaction: Transaction): Promise<void> {
  const { records, message } = transaction;
  if (records.length === 0 || message === undefined) return;
  const wait = message.write(records.view());
  if (wait !== undefined) await wait;
  records.clear(KEPT_ROOM);
}

/** Opens a queue file. False, with a reply: there is none to be had. */
export async function openMessage(session: Session, transaction: Transaction): Promise<boolean> {
  const { service } = session;
  let flags = session.settings.cleanupFlags;
  if (transaction.smtputf8) flags |= CleanupFlag.Smtputf8;
  if (transaction.requireTls) flags |= CleanupFlag.RequireTls;
  try {
    transaction.message = service.deps.cleanup.begin(flags);
  } catch (error) {
    if (!(error instanceof QueueFileError)) throw error;
    session.warn(error.message);
    return session.refuse(451, "4.3.0", "Error: queue file write error", "resource");
  }
  logClient(session, transaction, transaction.message.queueId);
  writeEnvelope(session, transaction, await isRewriteClient(session));
  return true;
}

/** Hands RCPT to the filter in front of the queue; the first one begins the message there. */
async function passRecipient(session: Session, transaction: Transaction, line: string): Promise<void> {
  if (transaction.proxy === undefined) {
    const message = new ProxyMessage(session, filterAttributes(session, await isRewriteClient(session)));
    await message.begin(transaction.mailCommand);
    transaction.proxy = transaction.message = message;
    logClient(session, transaction, message.queueId);
  }
  await transaction.proxy.command(line, 2);
}

/** `ID: client=name[address]` and who it claims to be or to speak for. */
function logClient(session: Session, transaction: Transaction, queueId: string): void {
  const { service, client, login, forwarded } = session;
  let line = `${queueId}: client=${client.label}`;
  if (login !== undefined) line += `, sasl_method=${login.method}, sasl_username=${login.user}`;
  if (transaction.saslSender !== "") line += `, sasl_sender=${transaction.saslSender}`;
  const told = clientTold(forwarded);
  const originalClient = told === undefined ? undefined : forwardedLabel(told);
  if (forwarded?.ident !== undefined) line += `, orig_queue_id=${forwarded.ident}`;
  if (originalClient !== undefined) line += `, orig_client=${originalClient}`;
  service.deps.log.info(line, "client", {
    queueId,
    saslMethod: login?.method,
    saslUsername: login?.user,
    client: client.label,
    clientAddress: client.address,
    clientName: client.name,
    originalClient,
    originalQueueId: forwarded?.ident,
  });
}

function isAscii(text: string): boolean {
  // deno-lint-ignore no-control-regex -- the ASCII range
  return /^[\x00-\x7f]*$/.test(text);
}
