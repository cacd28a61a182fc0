import { decodeText } from "../bytes/mod.ts";
import type { ByteSource } from "./byte_source.ts";
import { quoteAddress } from "./quote.ts";
import { RecordWalker } from "./record_walker.ts";
import {
  type ListedMessage,
  type ListedRecipient,
  type ListingOptions,
  type LogRecord,
  type Queue,
  QueueFileError,
  type QueueFileInfo,
  type QueueName,
  RecordType,
} from "./types.ts";

/** The queues of a listing, in its order. */
export const LISTED_QUEUES: readonly QueueName[] = ["maildrop", "active", "incoming", "deferred", "hold"];

/** Owner permissions of a complete message. */
const READY = 0o700;
const FORCE_EXPIRE = 0o010;

// deno-lint-ignore no-control-regex -- control characters are what is looked for
const UNPRINTABLE = /[\x00-\x1f\x7f\ud800-\udfff]/u;

/** Control characters and octets that are not UTF-8 become `?`. */
export function printable(text: string): string {
  if (!UNPRINTABLE.test(text)) return text;
  // deno-lint-ignore no-control-regex -- as above
  return text.replace(/[\x00-\x1f\x7f\ud800-\udfff]/gu, "?");
}

/** Is it a complete message? */
export function isReady(info: QueueFileInfo): boolean {
  return info.isFile && (info.mode & READY) === READY;
}

function listedAddress(bytes: Uint8Array, emptyAddress: string): string {
  const address = decodeText(bytes);
  return printable(quoteAddress(address === "" ? emptyAddress : address));
}

/** Gathers a message's listing from its records and logs. */
class Lister {
  readonly #recipients: ListedRecipient[] = [];
  readonly #logged = new Set<string>();
  readonly #options: ListingOptions;
  #time = 0;
  #size = 0;
  #sender: string | undefined;
  #original = "";

  constructor(options: ListingOptions) {
    this.#options = options;
  }

  addLog(log: "defer" | "bounce", entries: readonly LogRecord[]): void {
    const limit = this.#options.duplicateLimit;
    for (const { recipient, reason } of entries) {
      const address = recipient.address === "" ? this.#options.emptyAddress : recipient.address;
      if (limit === 0 || this.#logged.size < limit) this.#logged.add(address);
      const original = recipient.original === "" ? address : recipient.original;
      this.#recipients.push({ address: printable(address), original: printable(original), log, reason });
    }
  }

  /** Takes one record; false when there is nothing more to see. */
  record(walker: RecordWalker): boolean {
    switch (walker.type) {
      case RecordType.Recipient:
        this.#recipient(listedAddress(data(walker), this.#options.emptyAddress));
        break;
      case RecordType.OriginalRecipient:
        this.#original = listedAddress(data(walker), this.#options.emptyAddress);
        break;
      case RecordType.Done:
      case RecordType.Canceled:
        this.#original = "";
        break;
      case RecordType.Sender:
        this.#sender ??= listedAddress(data(walker), this.#options.emptyAddress);
        break;
      case RecordType.Time:
        if (this.#time === 0) this.#time = leadingNumber(walker);
        break;
      case RecordType.Size:
        if (this.#size === 0) this.#size = leadingNumber(walker);
        break;
      case RecordType.Message:
        if (this.#size > 0) walker.seek(walker.position + this.#size);
        break;
      case RecordType.End:
        return false;
    }
    return true;
  }

  #recipient(address: string): void {
    if (!this.#logged.has(address)) {
      const original = this.#original === "" ? address : this.#original;
      this.#recipients.push({ address, original, log: "", reason: "" });
    }
    this.#original = "";
  }

  finish(queue: QueueName, id: string, info: QueueFileInfo): ListedMessage | undefined {
    if (this.#sender === undefined) return undefined;
    return {
      queue,
      id,
      time: this.#time === 0 ? Math.floor(info.mtime) : this.#time,
      size: this.#size === 0 ? info.size : this.#size,
      forcedExpire: (info.mode & FORCE_EXPIRE) !== 0,
      sender: this.#sender,
      recipients: this.#recipients,
    };
  }
}

function data(walker: RecordWalker): Uint8Array {
  return walker.bytes.subarray(walker.start, walker.end);
}

/** The first number of a `C` or `T` record, 0 if there is none. */
function leadingNumber(walker: RecordWalker): number {
  const { bytes, end } = walker;
  let at = walker.start;
  while (at < end && bytes[at] === 0x20) at += 1;
  let value = 0;
  for (; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return Number.isSafeInteger(value) ? value : 0;
}

/**
 * Lists one message as showq(8) does: lenient, since a listing must not fail where a delivery may.
 * @param logs reads the defer and the bounce log
 */
export function listMessage(
  source: ByteSource,
  queue: QueueName,
  id: string,
  info: QueueFileInfo,
  logs: { readonly defer: readonly LogRecord[]; readonly bounce: readonly LogRecord[] },
  options: ListingOptions,
): ListedMessage | undefined {
  const lister = new Lister(options);
  lister.addLog("defer", logs.defer);
  lister.addLog("bounce", logs.bounce);
  try {
    const walker = new RecordWalker(source, id);
    while (walker.next() && lister.record(walker)) {
      // Each record is dealt with in `record`.
    }
  } catch (error) {
    if (!(error instanceof QueueFileError)) throw error;
    options.warn(error.message);
  }
  const message = lister.finish(queue, id, info);
  if (message === undefined) options.warn(`${id}: missing sender address -- skipping message`);
  return message;
}

/** All messages of a queue directory tree, one after the other; what vanishes meanwhile is left out. */
export function* listQueues(
  queue: Queue,
  options: ListingOptions,
  names: readonly QueueName[] = LISTED_QUEUES,
): Generator<ListedMessage> {
  // Bounce logs are few and short-lived: one look at their directory saves one for every message.
  const bounced = new Set(queue.scanLogs("bounce"));
  const withLogs = { ...options, bounced };
  for (const name of names) yield* queue.listAll(name, withLogs);
}
