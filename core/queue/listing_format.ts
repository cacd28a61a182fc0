import type { ListedMessage, ListedRecipient, QueueName } from "./types.ts";

/** What stands for a listing without messages. */
export const LISTING_EMPTY = "Mail queue is empty\n";

/** A reason is printed flush right to this column. */
const REASON_COLUMN = 76;

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The date as asctime(3) prints it, without the year: `Mon Nov 23 04:04:45`, local time. */
function dateColumn(seconds: number): string {
  const date = new Date(seconds * 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = String(date.getDate()).padStart(2, " ");
  return `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${day} ${two(date.getHours())}:${
    two(date.getMinutes())
  }:${two(date.getSeconds())}`;
}

interface Widths {
  readonly id: number;
  readonly size: number;
  readonly date: number;
}

function widths(longIds: boolean): Widths {
  return longIds ? { id: 17, size: 8, date: 19 } : { id: 11, size: 7, date: 20 };
}

const SHORT_HEADER = "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n";
const LONG_HEADER = "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------\n";

/** The first line of a listing. */
export function listingHeader(longIds: boolean): string {
  return longIds ? LONG_HEADER : SHORT_HEADER;
}

function mark(queue: QueueName, forcedExpire: boolean): string {
  const place = queue === "active" ? "*" : queue === "hold" ? "!" : "";
  return forcedExpire ? place + "#" : place;
}

/** One message of `mailq`, without the empty line that separates it from the one before. */
export function formatListing(message: ListedMessage, longIds: boolean): string {
  const { id, size, date } = widths(longIds);
  const name = (message.id + mark(message.queue, message.forcedExpire)).padEnd(id);
  // The year does not fit; the column of a short listing is one blank wider than the date.
  const when = dateColumn(message.time).padEnd(date);
  let text = `${name} ${String(message.size).padStart(size)} ${when} ${message.sender}\n`;
  const indent = " ".repeat(id + size + date + 3);
  let reason: string | undefined;
  for (const recipient of message.recipients) {
    if (recipient.reason !== (reason ?? "")) {
      reason = recipient.reason;
      const shown = reason === "" ? "reason unavailable" : reason;
      text += `${" ".repeat(Math.max(REASON_COLUMN - shown.length, 0))}(${shown})\n`;
    }
    text += `${indent}${recipient.address}\n`;
  }
  return text;
}

/** The last line of a listing. @param bytes sum of the messages' sizes */
export function listingFooter(bytes: number, count: number): string {
  return `\n-- ${Math.floor(bytes / 1024)} Kbytes in ${count} Request${count === 1 ? "" : "s"}.\n`;
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  '"': '\\"',
  "\\": "\\\\",
};

/** A JSON string; control characters, DEL included, are escaped. */
function quote(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  const escaped = text.replace(/[\x00-\x1f\x7f"\\\ud800-\udfff]/gu, (character) => {
    const short = SHORT_ESCAPES[character];
    if (short !== undefined) return short;
    const code = character.charCodeAt(0);
    return code >= 0xd800 ? "?" : `\\u${code.toString(16).toUpperCase().padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}

function formatRecipient(recipient: ListedRecipient, withOriginal: boolean): string {
  let text = "{";
  if (withOriginal && recipient.original !== "") text += `"orig_address": ${quote(recipient.original)}, `;
  text += `"address": ${quote(recipient.address)}`;
  if (recipient.reason !== "") {
    const name = recipient.log === "bounce" ? "bounce_reason" : "delay_reason";
    text += `, "${name}": ${quote(recipient.reason)}`;
  }
  return text + "}";
}

/**
 * One message as a line of `postqueue -j`.
 * @param withOriginal with `orig_address` (Postfix 3.11)
 */
export function formatListingJson(message: ListedMessage, withOriginal: boolean): string {
  const recipients = message.recipients.map((recipient) => formatRecipient(recipient, withOriginal));
  return `{"queue_name": ${quote(message.queue)}, "queue_id": ${quote(message.id)}, ` +
    `"arrival_time": ${message.time}, "message_size": ${message.size}, ` +
    `"forced_expire": ${message.forcedExpire}, "sender": ${quote(message.sender)}, ` +
    `"recipients": [${recipients.join(", ")}]}\n`;
}
