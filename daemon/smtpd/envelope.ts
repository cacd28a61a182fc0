import type { ByteBuffer } from "../../core/bytes/mod.ts";
import { appendTextRecord, Notify, RecordType } from "../../core/queue/mod.ts";
import { CleanupFlag } from "../cleanup/types.ts";
import { UNKNOWN } from "./client.ts";
import { receivedHeader } from "./received.ts";
import type { Session } from "./session.ts";
import type { Transaction } from "./transaction.ts";
import { clientTold, forwardedAddress, forwardedLabel } from "./xforward.ts";

function attribute(out: ByteBuffer, name: string, value: string | undefined): void {
  if (value !== undefined && value !== "") appendTextRecord(out, RecordType.Attribute, `${name}=${value}`);
}

/** Writes the envelope up to the recipients, in the order that queue files have it. */
export function writeEnvelope(session: Session, transaction: Transaction, localRewriting: boolean): void {
  const out = transaction.records;
  const { client, helo, protocol, settings, forwarded } = session;
  const { seconds, micros } = transaction.arrival;
  appendTextRecord(out, RecordType.Time, `${seconds} ${micros}`);
  if (settings.contentFilter !== "") appendTextRecord(out, RecordType.Filter, settings.contentFilter);
  attribute(out, "log_ident", forwarded?.ident ?? transaction.queueId);
  attribute(out, "rewrite_context", forwarded?.context ?? (localRewriting ? "local" : "remote"));
  attribute(out, "sasl_method", session.login?.method);
  attribute(out, "sasl_username", session.login?.user);
  attribute(out, "sasl_sender", transaction.saslSender);
  attribute(out, "envelope_id", transaction.envelopeId);
  if (transaction.returnFlags !== 0) attribute(out, "ret_flags", String(transaction.returnFlags));
  appendTextRecord(out, RecordType.Sender, transaction.sender);
  attribute(out, "encoding", transaction.encoding);
  const told = clientTold(forwarded);
  if (told === undefined) {
    attribute(out, "log_client_name", client.name);
    attribute(out, "log_client_address", client.rfcAddress);
    attribute(out, "log_client_port", client.port);
    attribute(out, "log_message_origin", client.label);
    attribute(out, "log_helo_name", helo);
    attribute(out, "log_protocol_name", protocol);
  } else {
    // Nothing of the filter's own session may get among what it told about its client.
    attribute(out, "log_client_name", told.name ?? UNKNOWN);
    attribute(out, "log_client_address", forwardedAddress(told));
    attribute(out, "log_client_port", told.port ?? UNKNOWN);
    attribute(out, "log_message_origin", forwardedLabel(told));
    attribute(out, "log_helo_name", told.helo);
    attribute(out, "log_protocol_name", told.protocol ?? UNKNOWN);
  }
  attribute(out, "client_name", client.name);
  attribute(out, "reverse_client_name", client.reverseName);
  attribute(out, "client_address", client.address);
  attribute(out, "client_port", client.port);
  attribute(out, "server_address", client.serverAddress);
  attribute(out, "server_port", client.serverPort);
  attribute(out, "helo_name", helo);
  attribute(out, "protocol_name", protocol);
  attribute(out, "client_address_type", String(client.family));
  if (transaction.verp !== "") appendTextRecord(out, RecordType.Verp, transaction.verp);
}

/** Writes one recipient with its DSN parameters. */
export function writeRecipient(
  out: ByteBuffer,
  recipient: string,
  notify: number,
  originalRecipient: string,
): void {
  if (notify !== 0) attribute(out, "notify_flags", String(notify));
  attribute(out, "dsn_orig_rcpt", originalRecipient);
  appendTextRecord(out, RecordType.Recipient, recipient);
}

/** Writes the start of the content: headers that access tables asked for, then Received:. */
export function writeContentStart(session: Session, transaction: Transaction, queueId: string): void {
  const out = transaction.records;
  // What will be thrown away need not be looked at, nor be in the log as a message.
  if (transaction.actions.discard) appendTextRecord(out, RecordType.Flags, String(CleanupFlag.Discard));
  appendTextRecord(out, RecordType.Message, "");
  // The filter may forget the client's wish; the header tells the server behind it.
  if (transaction.proxy !== undefined && transaction.requireTls && session.settings.requireTlsHeader) {
    appendTextRecord(out, RecordType.Normal, "Require-TLS-ESMTP: yes");
  }
  for (const header of transaction.actions.prepend) {
    for (const line of header.split("\n")) appendTextRecord(out, RecordType.Normal, line);
  }
  // Between two filters, as XFORWARD shows, this server leaves no trace of its own (as Postfix).
  if (transaction.proxy !== undefined && session.forwarded !== undefined) return;
  for (const line of receivedHeader(session, transaction, queueId)) {
    appendTextRecord(out, RecordType.Normal, line);
  }
}

/** Ends the content and writes what access tables asked for. */
export function writeEnd(transaction: Transaction): void {
  const { records: out, actions } = transaction;
  appendTextRecord(out, RecordType.Extracted, "");
  if (actions.filter !== "") appendTextRecord(out, RecordType.Filter, actions.filter);
  if (actions.redirect !== "") appendTextRecord(out, RecordType.Redirect, actions.redirect);
  for (const address of actions.bcc) {
    // The sender knows nothing of the copy and must not hear what becomes of it.
    attribute(out, "notify_flags", String(Notify.Never));
    appendTextRecord(out, RecordType.Recipient, address);
  }
  const flags = (actions.hold ? CleanupFlag.Hold : 0) | (actions.discard ? CleanupFlag.Discard : 0);
  if (flags !== 0) appendTextRecord(out, RecordType.Flags, String(flags));
  appendTextRecord(out, RecordType.End, "");
}
