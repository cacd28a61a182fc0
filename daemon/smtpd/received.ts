import { toExternal } from "../../core/address/mod.ts";
import { mailDate } from "../../core/message/mod.ts";
import type { Session } from "./session.ts";
import type { Transaction } from "./transaction.ts";

/** The lines of the Received: header that smtpd puts before a message (RFC 5321 section 4.4). */
export function receivedHeader(session: Session, transaction: Transaction, queueId: string): string[] {
  const { settings, client, helo } = session;
  const protocol = transaction.smtputf8 && session.protocol === "ESMTP" ? "UTF8SMTP" : session.protocol;
  const date = mailDate(transaction.arrival.seconds);
  const from = settings.hideClient
    ? []
    : [`Received: from ${helo ?? client.name} (${client.name} [${client.rfcAddress}])`];
  const by = `${
    settings.hideClient ? "Received: " : "\t"
  }by ${settings.hostname} (${settings.mailName}) with ${protocol} id ${queueId}`;
  if (transaction.recipients !== 1) return [...from, `${by}; ${date}`];
  return [...from, by, `\tfor <${toExternal(transaction.firstRecipient)}>; ${date}`];
}
