import { ByteBuffer, encodeText } from "../bytes/mod.ts";
import { longDate } from "../date/mod.ts";
import { TextSpan } from "./listing_sink.ts";
import type { ListedRecipient, ListedText, ListingHead, ListingSink, QueueName } from "./types.ts";

/** Prints a listing octet by octet into a buffer, which the caller empties when it likes. */
export interface ListingPrinter extends ListingSink {
  readonly output: ByteBuffer;
  /** What stands behind the last message. */
  finish(): void;
}

/** A reason is printed flush right to this column. */
const REASON_COLUMN = 76;
const NEWLINE = 0x0a;
const BLANK = 0x20;

/** The date as asctime(3) prints it, without the year. */
function dateColumn(seconds: number): string {
  return longDate(new Date(seconds * 1000));
}

interface Layout {
  readonly id: number;
  readonly size: number;
  readonly date: number;
  readonly header: string;
}

/** The year does not fit; the date's column of a short listing is one blank wider than the date. */
const SHORT_LAYOUT: Layout = {
  id: 11,
  size: 7,
  date: 20,
  header: "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n",
};
const LONG_LAYOUT: Layout = {
  id: 17,
  size: 8,
  date: 19,
  header: "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------\n",
};

function mark(queue: QueueName, forcedExpire: boolean): string {
  const place = queue === "active" ? "*" : queue === "hold" ? "!" : "";
  return forcedExpire ? place + "#" : place;
}

/** `mailq`. */
export class MailqPrinter implements ListingPrinter {
  readonly output = new ByteBuffer(65536);
  readonly #layout: Layout;
  readonly #indent: string;
  #count = 0;
  #bytes = 0;
  /** Messages mostly arrive many a second. */
  #second = -1;
  #date = "";
  readonly #reason = new TextSpan();

  constructor(longIds: boolean) {
    this.#layout = longIds ? LONG_LAYOUT : SHORT_LAYOUT;
    const { id, size, date } = this.#layout;
    this.#indent = " ".repeat(id + size + date + 3);
  }

  begin({ queue, id, time, size, forcedExpire, sender }: ListingHead): void {
    const { output } = this;
    output.appendAscii(this.#count === 0 ? this.#layout.header : "\n");
    this.#count += 1;
    this.#bytes += size;
    if (time !== this.#second) {
      this.#second = time;
      this.#date = dateColumn(time).padEnd(this.#layout.date);
    }
    output.appendAscii(
      `${(id + mark(queue, forcedExpire)).padEnd(this.#layout.id)} ${
        String(size).padStart(this.#layout.size)
      } ${this.#date} `,
    );
    output.appendRange(sender.bytes, sender.start, sender.end);
    output.appendByte(NEWLINE);
    this.#reason.clear();
  }

  recipient(
    address: ListedText,
    _original: ListedText,
    _log: ListedRecipient["log"],
    reason: ListedText,
  ): void {
    const { output } = this;
    if (!sameOctets(reason, this.#reason)) {
      this.#reason.keep(reason.bytes, reason.start, reason.end);
      this.#showReason();
    }
    output.appendAscii(this.#indent);
    output.appendRange(address.bytes, address.start, address.end);
    output.appendByte(NEWLINE);
  }

  end(): void {
    // A message has no last line of its own.
  }

  finish(): void {
    const count = this.#count;
    this.output.appendAscii(
      count === 0
        ? "Mail queue is empty\n"
        : `\n-- ${Math.floor(this.#bytes / 1024)} Kbytes in ${count} Request${count === 1 ? "" : "s"}.\n`,
    );
  }

  #showReason(): void {
    const { output } = this;
    const { bytes, start, end, empty } = this.#reason;
    if (empty) {
      output.appendAscii("(reason unavailable)\n".padStart(REASON_COLUMN + 3));
      return;
    }
    for (let column = end - start; column < REASON_COLUMN; column++) output.appendByte(BLANK);
    output.appendAscii("(");
    output.appendRange(bytes, start, end);
    output.appendAscii(")\n");
  }
}

function sameOctets(one: ListedText, other: ListedText): boolean {
  const length = one.end - one.start;
  if (length !== other.end - other.start) return false;
  for (let at = 0; at < length; at++) {
    if (one.bytes[one.start + at] !== other.bytes[other.start + at]) return false;
  }
  return true;
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

/** The inside of a JSON string; control characters, DEL included, are escaped. */
function escaped(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  return text.replace(/[\x00-\x1f\x7f"\\\ud800-\udfff]/gu, (character) => {
    const short = SHORT_ESCAPES[character];
    if (short !== undefined) return short;
    const code = character.charCodeAt(0);
    return code >= 0xd800 ? "?" : `\\u${code.toString(16).toUpperCase().padStart(4, "0")}`;
  });
}

/** Octets that stand in a JSON string as they are. */
const AS_IT_IS = Uint8Array.from(
  { length: 256 },
  (_, code) => code >= 0x20 && code < 0x7f && code !== 0x22 && code !== 0x5c ? 1 : 0,
);

/** `postqueue -j`: one object a line. */
export class JsonPrinter implements ListingPrinter {
  readonly output = new ByteBuffer(65536);
  #recipients = 0;

  begin({ queue, id, time, size, forcedExpire, sender }: ListingHead): void {
    const { output } = this;
    output.appendText(
      `{"queue_name": "${queue}", "queue_id": "${escaped(id)}", "arrival_time": ${time}, ` +
        `"message_size": ${size}, "forced_expire": ${forcedExpire}, "sender": "`,
    );
    this.#text(sender);
    output.appendAscii('", "recipients": [');
    this.#recipients = 0;
  }

  /** Without an original address (listings before Postfix 3.11) there is no `orig_address`. */
  recipient(
    address: ListedText,
    original: ListedText,
    log: ListedRecipient["log"],
    reason: ListedText,
  ): void {
    const { output } = this;
    output.appendAscii(this.#recipients === 0 ? "{" : ", {");
    this.#recipients += 1;
    if (!original.empty) {
      output.appendAscii('"orig_address": "');
      this.#text(original);
      output.appendAscii('", ');
    }
    output.appendAscii('"address": "');
    this.#text(address);
    if (!reason.empty) {
      output.appendAscii(log === "bounce" ? '", "bounce_reason": "' : '", "delay_reason": "');
      this.#text(reason);
    }
    output.appendAscii('"}');
  }

  end(): void {
    this.output.appendAscii("]}\n");
  }

  finish(): void {
    // An empty queue is an empty list.
  }

  #text(text: ListedText): void {
    const { bytes, start, end } = text;
    for (let at = start; at < end; at++) {
      if (AS_IT_IS[bytes[at]!] === 0) {
        this.output.append(encodeText(escaped(text.text())));
        return;
      }
    }
    this.output.appendRange(bytes, start, end);
  }
}
