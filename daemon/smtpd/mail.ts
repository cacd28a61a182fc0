import { reply, replyLine } from "../../core/smtp/mod.ts";
import type { Word } from "../../core/smtp/mod.ts";
import { checkSender } from "./access/stages.ts";
import { exceedsRate } from "./limits.ts";
import { mailParameter } from "./parameters.ts";
import { acceptableAddress } from "./path.ts";
import { openMessage } from "./rcpt.ts";
import { printable } from "./printable.ts";
import type { Session } from "./session.ts";
import { Transaction } from "./transaction.ts";

/** MAIL FROM:<address> (RFC 5321 section 4.1.1.2). */
export async function mail(session: Session, words: readonly Word[], line: string): Promise<boolean> {
  const { settings } = session;
  if (settings.helloRequired && session.helo === undefined) {
    return session.refuse(503, "5.5.1", "Error: send HELO/EHLO first", "policy");
  }
  if (session.transaction !== undefined) return session.refuse(503, "5.5.1", "Error: nested MAIL command");
  if (session.chunks !== "none") return session.refuse(503, "5.5.1", "Error: MAIL after BDAT");
  if (await exceedsRate(session, "message")) {
    return session.refuse(450, "4.7.1", `Error: too much mail from ${session.client.address}`, "policy");
  }
  const path = words[2];
  if (path === undefined || words[1]!.text.toUpperCase() !== "FROM:") {
    return session.refuse(501, "5.5.4", "Syntax: MAIL FROM:<address>");
  }
  const rules = { allowEmpty: true, smtputf8: settings.smtputf8 && asksForUtf8(words) };
  const sender = path.kind === "broken" ? undefined : await acceptableAddress(session, "MAIL", path, rules);
  if (sender === undefined) return session.refuse(501, "5.1.7", "Bad sender address syntax");
  const transaction = new Transaction();
  transaction.sender = sender;
  const seen = new Set<string>();
  for (const word of words.slice(3)) {
    const refusal = mailParameter(session, transaction, word.text, seen);
    if (refusal !== undefined) {
      return session.refuse(refusal.code, refusal.enhanced, printable(refusal.text));
    }
  }
  if (!settings.delayReject) {
    // Actions of access tables are wishes about this message.
    session.transaction = transaction;
    const refusal = await checkSender(session, sender);
    session.transaction = undefined;
    if (refusal !== undefined) {
      session.reply(refusal);
      return false;
    }
  }
  if (!await hasRoom(session, transaction)) return false;
  const now = performance.timeOrigin + performance.now();
  transaction.arrival = { seconds: Math.floor(now / 1000), micros: Math.floor((now % 1000) * 1000) };
  session.transaction = transaction;
  if (settings.proxyFilter !== undefined) transaction.mailCommand = line;
  else if (!settings.delayOpen && !await openMessage(session, transaction)) {
    session.transaction = undefined;
    return false;
  }
  session.reply(reply(250, "2.1.0", "Ok"));
  return true;
}

function asksForUtf8(words: readonly Word[]): boolean {
  return words.slice(3).some((word) => word.text.toUpperCase() === "SMTPUTF8");
}

/** Refuses mail that is too large (RFC 1870 section 6.1) or that the queue has no room for. */
async function hasRoom(session: Session, transaction: Transaction): Promise<boolean> {
  const { messageSizeLimit } = session.settings;
  const tooLarge = messageSizeLimit > 0 && transaction.declaredSize > messageSizeLimit;
  if (!tooLarge && await session.service.hasSpace()) return true;
  const refusal = tooLarge
    ? reply(552, "5.3.4", "Message size exceeds fixed limit")
    : reply(452, "4.3.1", "Insufficient system storage");
  // The queue has no room for anybody, whoever the sender is.
  session.logDecision("reject", replyLine(refusal), undefined, tooLarge ? transaction.sender : undefined);
  session.blame(tooLarge ? "policy" : "resource");
  session.reply(refusal);
  return false;
}
