import { decodeText, encodeText } from "../bytes/mod.ts";
import type { ListedMessage, ListedRecipient, ListedText, ListingHead, ListingSink } from "./types.ts";

const NOTHING = new Uint8Array(0);

/**
 * A stretch of octets that is handed from a file to a listing without becoming a string on the way: a listing of a
 * hundred thousand messages has half a million of them. Spans are used again: what they show is valid during one call.
 */
export class TextSpan implements ListedText {
  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  /** Memory for spans that outlive what they were taken from. */
  #own = new Uint8Array(64);

  get empty(): boolean {
    return this.end === this.start;
  }

  /** Shows `bytes[start .. end)`. */
  set(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  /** Shows a copy, which stays when the octets it was taken from are overwritten. */
  keep(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length > this.#own.length) this.#own = new Uint8Array(length * 2);
    for (let at = 0; at < length; at++) this.#own[at] = bytes[start + at]!;
    this.set(this.#own, 0, length);
  }

  setText(text: string): void {
    const bytes = encodeText(text);
    this.set(bytes, 0, bytes.length);
  }

  clear(): void {
    this.set(NOTHING, 0, 0);
  }

  text(): string {
    return this.empty ? "" : decodeText(this.bytes.subarray(this.start, this.end));
  }
}

/** Gathers what a listing says of a message. */
export class MessageBuilder implements ListingSink {
  #head: Omit<ListedMessage, "recipients"> | undefined;
  #recipients: ListedRecipient[] = [];

  begin(head: ListingHead): void {
    const { queue, id, time, size, forcedExpire } = head;
    this.#head = { queue, id, time, size, forcedExpire, sender: head.sender.text() };
    this.#recipients = [];
  }

  recipient(
    address: ListedText,
    original: ListedText,
    log: ListedRecipient["log"],
    reason: ListedText,
  ): void {
    this.#recipients.push({
      address: address.text(),
      original: original.text(),
      log,
      reason: reason.text(),
    });
  }

  end(): void {
    // The message is complete; `take` fetches it.
  }

  /** The message that came last, once; undefined if there was none. */
  take(): ListedMessage | undefined {
    const head = this.#head;
    this.#head = undefined;
    return head === undefined ? undefined : { ...head, recipients: this.#recipients };
  }
}

/** Gathers the messages of a listing. */
export class MessageCollector implements ListingSink {
  readonly #builder = new MessageBuilder();
  #messages: ListedMessage[] = [];

  begin(head: ListingHead): void {
    this.#builder.begin(head);
  }

  recipient(
    address: ListedText,
    original: ListedText,
    log: ListedRecipient["log"],
    reason: ListedText,
  ): void {
    this.#builder.recipient(address, original, log, reason);
  }

  end(): void {
    const message = this.#builder.take();
    if (message !== undefined) this.#messages.push(message);
  }

  /** The messages that are complete since the last call. */
  take(): ListedMessage[] {
    const messages = this.#messages;
    this.#messages = [];
    return messages;
  }
}
