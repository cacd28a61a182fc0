import { toExternal } from "../../core/address/mod.ts";
import type { Config } from "../../core/config/types.ts";
import { type Queue, QueueFileError, type Recipient } from "../../core/queue/types.ts";
import type { Identity } from "../../core/system/mod.ts";
import type { DeliveryRequest, DsnDetail } from "../delivery/types.ts";
import { deliverToMaildir } from "./maildir.ts";
import { appendToMbox, MailboxError, type MboxSettings } from "./mbox.ts";

export interface MailboxDelivery {
  readonly queue: Queue;
  readonly request: DeliveryRequest;
  readonly recipient: Recipient;
  /** A Maildir if it ends in `/`, else an mbox file. */
  readonly path: string;
  readonly identity: Identity;
  readonly host: string;
  readonly settings: MboxSettings;
}

/** Reads the parameters of mailbox writing; `virtual` has its own limit and lock parameters. */
export function mboxSettings(config: Config, agent: "local" | "virtual"): MboxSettings {
  return {
    locks: config.list(agent === "virtual" ? "virtual_mailbox_lock" : "mailbox_delivery_lock"),
    lockAttempts: config.int("deliver_lock_attempts"),
    lockDelay: config.seconds("deliver_lock_delay"),
    staleLockTime: config.seconds("stale_lock_time"),
    sizeLimit: config.int(agent === "virtual" ? "virtual_mailbox_limit" : "mailbox_size_limit"),
    strictOwnership: config.bool("strict_mailbox_ownership"),
  };
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** asctime(3) in local time, as mbox files have it. */
function asctime(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = String(date.getDate()).padStart(2);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${day} ${clock} ${date.getFullYear()}`;
}

/** The header lines that a final delivery puts in front (local(8), virtual(8)). */
export function deliveryHeaders(request: DeliveryRequest, recipient: Recipient): string[] {
  return [
    `Return-Path: <${toExternal(request.sender)}>`,
    ...(recipient.original === "" ? [] : [`X-Original-To: ${toExternal(recipient.original)}`]),
    `Delivered-To: ${toExternal(recipient.address).toLowerCase()}`,
  ];
}

/**
 * Writes a message into a mailbox. Resolves to the text for the log, `delivered to maildir` or `delivered to mailbox`;
 * throws what `outcomeOf` understands.
 */
export async function deliverToMailbox(delivery: MailboxDelivery): Promise<string> {
  const { queue, request, recipient, path, identity, host, settings } = delivery;
  const reader = queue.openContent(request.queueName, request.queueId, request.contentOffset);
  const headers = deliveryHeaders(request, recipient);
  try {
    if (path.endsWith("/")) {
      const form = { prepend: headers, quoteFrom: false, blankLine: false };
      await deliverToMaildir(path.slice(0, -1), host, identity, reader, form, settings.sizeLimit);
      return "delivered to maildir";
    }
    const sender = request.sender === "" ? "MAILER-DAEMON" : toExternal(request.sender);
    await appendToMbox(path, identity, settings, reader, {
      prepend: [`From ${sender} ${asctime(new Date())}`, ...headers],
      quoteFrom: true,
      blankLine: true,
    });
    return "delivered to mailbox";
  } finally {
    reader.close();
  }
}

/** Errors that trying again won't mend, with the status that they get (RFC 3463). */
const PERMANENT: Readonly<Record<string, string>> = {
  EFBIG: "5.2.2",
  EDQUOT: "5.2.2",
  ENOTDIR: "5.2.0",
  EISDIR: "5.2.0",
  ENOTREG: "5.2.0",
  EMLINK: "5.2.0",
  ELOOP: "5.2.0",
};

const TEMPORARY: Readonly<Record<string, string>> = {
  ENOSPC: "4.3.1",
  EAGAIN: "4.2.0",
  EACCES: "4.2.0",
  EOWNER: "4.2.0",
};

/** What a failed mailbox delivery means for the recipient. */
export function outcomeOf(error: unknown, path: string): { permanent: boolean; detail: DsnDetail } {
  const code = (error as { code?: string }).code ?? "";
  const text = error instanceof MailboxError || error instanceof QueueFileError || error instanceof Error
    ? error.message
    : String(error);
  const permanent = PERMANENT[code];
  return {
    permanent: permanent !== undefined,
    detail: {
      status: permanent ?? TEMPORARY[code] ?? "4.3.0",
      reason: `cannot update mailbox ${path}: ${text}`,
    },
  };
}
