import { toExternal } from "../../core/address/mod.ts";
import { mailDate } from "../../core/message/mod.ts";
import { cipherText, exchangeTexts } from "../../core/tls/mod.ts";
import type { Session } from "./session.ts";
import type { Transaction } from "./transaction.ts";

/** How the message was protected on its way in (`smtpd_tls_received_header`). */
function tlsLines({ service, tls }: Session): string[] {
  if (tls === undefined || service.tls?.receivedHeader !== true) return [];
  const lines = [`\t(using ${cipherText(tls)}`, ...exchangeTexts(tls).map((text) => `\t ${text}`)];
  lines[lines.length - 1] += ")";
  if (tls.peer !== undefined) {
    const { subject, issuer } = tls.peer;
    const verdict = tls.trusted ? "verified OK" : "not verified";
    lines.push(`\t(Client CN "${inComment(subject)}", Issuer "${inComment(issuer)}" (${verdict}))`);
  } else {
    lines.push(
      service.tls.askCertificate
        ? "\t(Client did not present a certificate)"
        : "\t(No client certificate requested)",
    );
  }
  return lines;
}

/** A name from a certificate as it may stand in a comment. */
function inComment(name: string): string {
  return name === "" ? "(not verified)" : name.replace(/[()\\"<>]/g, "_");
}

/**
 * The lines of the Received: header that smtpd puts before a message (RFC 5321 section 4.4).
 * @param queueId empty if the message gets none here
 */
export function receivedHeader(session: Session, transaction: Transaction, queueId: string): string[] {
  const { settings, client, helo } = session;
  const base = transaction.smtputf8 && session.protocol === "ESMTP" ? "UTF8SMTP" : session.protocol;
  // RFC 3848: S stands for TLS.
  const secured = session.tls !== undefined && base !== "SMTP" ? `${base}S` : base;
  const { login } = session;
  const protocol = login !== undefined && base !== "SMTP" ? `${secured}A` : secured;
  const sender = login !== undefined && settings.authenticatedHeader
    ? [`\t(Authenticated sender: ${inComment(login.user)})`]
    : [];
  const date = mailDate(transaction.arrival.seconds);
  const from = settings.hideClient ? [] : [
    `Received: from ${helo ?? client.name} (${client.name} [${client.rfcAddress}])`,
    ...tlsLines(session),
    ...sender,
  ];
  const id = queueId === "" ? "" : ` id ${queueId}`;
  const server = `by ${settings.hostname} (${settings.mailName})`;
  // Without the client, not even that it spoke SMTP is told.
  const by = settings.hideClient ? `Received: ${server}${id}` : `\t${server} with ${protocol}${id}`;
  if (transaction.recipients !== 1) return [...from, `${by};`, `\t${date}`];
  return [...from, by, `\tfor <${toExternal(transaction.firstRecipient)}>; ${date}`];
}
