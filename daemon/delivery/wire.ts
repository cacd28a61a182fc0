/**
 * The attribute lists that recipients and outcomes travel in: the same ones in delivery requests, their answers and
 * in requests to the bounce, defer and trace services.
 */
import { AttributeError, type AttributeReader, type AttributeWriter } from "../../core/ipc/mod.ts";
import { isQueueId } from "../../core/queue/mod.ts";
import type { QueueName, Recipient } from "../../core/queue/types.ts";
import type { DsnAction, DsnDetail } from "./types.ts";

/** Which attribute names are spoken (`postel_wire_level`): Postfix 3.10 renamed one. */
export type WireLevel = "3.7" | "3.11";

/** The attribute that carries SMTPUTF8 and, since 3.10, other per-message options. */
export function sendoptsName(level: WireLevel): "smtputf8" | "sendopts" {
  return level === "3.7" ? "smtputf8" : "sendopts";
}

/** Reads that attribute under either name. */
export async function readSendopts(reader: AttributeReader): Promise<number> {
  const name = (await reader.peek())?.name === "smtputf8" ? "smtputf8" : "sendopts";
  return await reader.integer(name);
}

const QUEUE_NAMES: ReadonlySet<string> = new Set<QueueName>([
  "maildrop",
  "incoming",
  "active",
  "deferred",
  "hold",
  "corrupt",
]);

/** A queue's name, which becomes a part of a path. Throws `AttributeError`. */
export function queueNameFrom(text: string): QueueName {
  if (!QUEUE_NAMES.has(text)) {
    throw new AttributeError("syntax", `No queue is called "${text.slice(0, 100)}"`);
  }
  return text as QueueName;
}

/** A queue id, which becomes a part of a path. Throws `AttributeError`. */
export function queueIdFrom(text: string): string {
  if (!isQueueId(text)) throw new AttributeError("syntax", `Not a queue id: "${text.slice(0, 100)}"`);
  return text;
}

/** A recipient's five attributes, without the end of the list. */
export function writeRecipient(writer: AttributeWriter, recipient: Recipient): void {
  writer.text("original_recipient", recipient.original)
    .text("recipient", recipient.address)
    .long("offset", recipient.offset)
    .text("dsn_orig_rcpt", recipient.dsnOriginal)
    .integer("notify_flags", recipient.notify);
}

/** Reads a recipient's five attributes. */
export async function readRecipient(reader: AttributeReader): Promise<Recipient> {
  return {
    original: await reader.text("original_recipient"),
    address: await reader.text("recipient"),
    offset: await reader.long("offset"),
    dsnOriginal: await reader.text("dsn_orig_rcpt"),
    notify: await reader.integer("notify_flags"),
  };
}

/** The seven attributes of an outcome; all empty if there is nothing to tell. */
export function writeDsn(writer: AttributeWriter, detail: DsnDetail | undefined, action: string): void {
  writer.text("status", detail?.status ?? "")
    .text("diag_type", detail?.diagnostic?.type ?? "")
    .text("diag_text", detail?.diagnostic?.text ?? "")
    .text("mta_type", detail?.remote?.type ?? "")
    .text("mta_mname", detail?.remote?.name ?? "")
    .text("action", action)
    .text("reason", detail?.reason ?? "");
}

const ACTIONS: ReadonlySet<string> = new Set<DsnAction>([
  "failed",
  "delayed",
  "delivered",
  "relayed",
  "expanded",
  "deliverable",
  "undeliverable",
]);

/** Is this one of the words that a report may use (RFC 3464 2.3.3, and Postfix's own)? */
export function isDsnAction(word: string): word is DsnAction {
  return ACTIONS.has(word);
}

/** Reads the seven attributes of an outcome. */
export async function readDsn(reader: AttributeReader): Promise<DsnDetail> {
  const status = await reader.text("status");
  const diagnosticType = await reader.text("diag_type");
  const diagnosticText = await reader.text("diag_text");
  const remoteType = await reader.text("mta_type");
  const remoteName = await reader.text("mta_mname");
  const action = await reader.text("action");
  const reason = await reader.text("reason");
  if (action !== "" && !isDsnAction(action)) {
    throw new AttributeError("syntax", `Unknown DSN action "${action.slice(0, 40)}"`);
  }
  return {
    status,
    reason,
    ...(diagnosticType === "" || diagnosticText === ""
      ? {}
      : { diagnostic: { type: diagnosticType, text: diagnosticText } }),
    ...(remoteType === "" || remoteName === "" ? {} : { remote: { type: remoteType, name: remoteName } }),
    ...(action === "" ? {} : { action }),
  };
}
