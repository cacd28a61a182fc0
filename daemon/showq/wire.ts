import type { AttributeWriter } from "../../core/ipc/mod.ts";
import {
  type ListedMessage,
  type ListedRecipient,
  type ListedText,
  type ListingHead,
  type ListingSink,
  printable,
  type QueueName,
} from "../../core/queue/mod.ts";

/** Which form of the listing goes out: Postfix 3.11 added two attributes to every recipient. */
export type ShowqLevel = "3.7" | "3.11";

/** Writes a listing as attributes, message after message. */
export class ListingWriter implements ListingSink {
  constructor(readonly writer: AttributeWriter, readonly level: ShowqLevel) {}

  begin({ queue, id, time, size, forcedExpire, sender }: ListingHead): void {
    this.writer
      .text("queue_name", queue)
      .text("queue_id", id)
      .long("time", time)
      .long("size", size)
      .integer("forced_expire", forcedExpire ? 1 : 0)
      .range("sender", sender.bytes, sender.start, sender.end);
  }

  recipient(
    address: ListedText,
    original: ListedText,
    log: ListedRecipient["log"],
    reason: ListedText,
  ): void {
    const { writer } = this;
    if (this.level === "3.7") {
      // Before 3.11 only the defer log was listed.
      if (log === "bounce") return;
      writer.range("recipient", address.bytes, address.start, address.end);
    } else {
      writer
        .range("original_recipient", original.bytes, original.start, original.end)
        .range("recipient", address.bytes, address.start, address.end)
        .text("log_class", log);
    }
    writer.range("reason", reason.bytes, reason.start, reason.end);
  }

  end(): void {
    this.writer.end();
  }
}

/** The server's answer is not a queue listing. */
export class ListingError extends Error {
  override readonly name = "ListingError";
}

/** Longest piece without a NUL that is put up with. */
const MAX_WORD = 262_144;

const QUEUES: ReadonlySet<string> = new Set([
  "maildrop",
  "active",
  "incoming",
  "deferred",
  "hold",
  "corrupt",
]);

/**
 * Takes a showq server's answer apart, in both forms, as it comes in. It works on whole pieces of input and not on one
 * attribute at a time: a listing may have a hundred thousand messages.
 */
export class ListingParser {
  readonly #decoder = new TextDecoder();
  #rest = "";
  /** Words of the message that is not complete yet. */
  #words: string[] = [];
  #state: "announcement" | "messages" | "done" = "announcement";
  #atName = true;

  /** Did the end of the listing arrive? */
  get done(): boolean {
    return this.#state === "done";
  }

  /** Did the server at least say that it lists queues? Other announcements throw at once. */
  get announced(): boolean {
    return this.#state !== "announcement";
  }

  /** Takes more input; the messages that it completes. Throws `ListingError`. */
  push(bytes: Uint8Array): ListedMessage[] {
    const pieces = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\0");
    this.#rest = pieces.pop()!;
    if (this.#rest.length > MAX_WORD) throw new ListingError(`attribute longer than ${MAX_WORD} characters`);
    const messages: ListedMessage[] = [];
    for (const word of pieces) {
      if (!this.#atName) {
        this.#words.push(word);
        this.#atName = true;
      } else if (word !== "") {
        this.#words.push(word);
        this.#atName = false;
      } else {
        this.#endOfList(messages);
      }
    }
    return messages;
  }

  #endOfList(messages: ListedMessage[]): void {
    const words = this.#words;
    this.#words = [];
    if (this.#state === "done") throw new ListingError("data behind the end of the listing");
    if (this.#state === "announcement") {
      if (words[0] !== "protocol" || words[1] !== "mail_queue_list_protocol") {
        throw new ListingError(
          `expected "protocol mail_queue_list_protocol", found "${words.slice(0, 2).join(" ")}"`,
        );
      }
      this.#state = "messages";
    } else if (words.length === 0) {
      this.#state = "done";
    } else {
      messages.push(readMessage(words));
    }
  }
}

/** Hands out name-value pairs in their expected order. */
class Words {
  #at = 0;
  constructor(readonly words: readonly string[]) {}

  get left(): boolean {
    return this.#at < this.words.length;
  }

  get nextName(): string | undefined {
    return this.words[this.#at];
  }

  take(name: string): string {
    const found = this.words[this.#at];
    if (found !== name) {
      throw new ListingError(`unexpected attribute ${found ?? "(end of list)"} instead of ${name}`);
    }
    this.#at += 2;
    return this.words[this.#at - 1]!;
  }

  number(name: string): number {
    const text = this.take(name);
    if (!/^-?\d{1,20}$/.test(text)) {
      throw new ListingError(`attribute ${name} is not a number: ${text.slice(0, 40)}`);
    }
    return Number(BigInt.asIntN(64, BigInt(text)));
  }
}

function readMessage(list: readonly string[]): ListedMessage {
  const words = new Words(list);
  const queue = words.take("queue_name");
  if (!QUEUES.has(queue)) throw new ListingError(`unknown queue ${queue.slice(0, 40)}`);
  const id = words.take("queue_id");
  const time = words.number("time");
  const size = words.number("size");
  const forcedExpire = words.number("forced_expire") !== 0;
  const sender = printable(words.take("sender"));
  const recipients: ListedRecipient[] = [];
  while (words.left) recipients.push(readRecipient(words));
  return { queue: queue as QueueName, id, time, size, forcedExpire, sender, recipients };
}

function readRecipient(words: Words): ListedRecipient {
  if (words.nextName !== "original_recipient") {
    const address = printable(words.take("recipient"));
    const reason = printable(words.take("reason"));
    return { address, original: "", log: reason === "" ? "" : "defer", reason };
  }
  const original = printable(words.take("original_recipient"));
  const address = printable(words.take("recipient"));
  const log = words.take("log_class");
  const reason = printable(words.take("reason"));
  return { address, original, log: log === "bounce" || log === "defer" ? log : "", reason };
}
