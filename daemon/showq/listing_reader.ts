import { decodeText, encodeText, printable } from "../../core/bytes/mod.ts";
import { LISTED_QUEUES, type ListingSink, type QueueName, TextSpan } from "../../core/queue/mod.ts";

/** The server's answer is not a queue listing. */
export class ListingError extends Error {
  override readonly name = "ListingError";
}

/** Longest piece without a NUL that is put up with. */
const MAX_WORD = 262_144;

const QUEUES: ReadonlySet<string> = new Set([...LISTED_QUEUES, "corrupt"]);

const Name = {
  queue: encodeText("queue_name"),
  id: encodeText("queue_id"),
  time: encodeText("time"),
  size: encodeText("size"),
  forcedExpire: encodeText("forced_expire"),
  sender: encodeText("sender"),
  original: encodeText("original_recipient"),
  recipient: encodeText("recipient"),
  log: encodeText("log_class"),
  reason: encodeText("reason"),
} as const;

const FIRST_LIST = "protocol\0mail_queue_list_protocol";

/** A number of more digits is not exact. */
const EXACT_DIGITS = 15;

/**
 * Takes a showq server's answer apart, in the form of 3.7 and in that of 3.11, as it comes in, and hands it on octet by
 * octet: a listing may have a hundred thousand messages.
 */
export class ListingReader {
  readonly #sink: ListingSink;
  /** Input from the start of the first message that is not complete yet. */
  #held = new Uint8Array(131072);
  #length = 0;
  /** Up to here the input was looked at. */
  #seen = 0;
  /** Where the words of the current message end; each begins behind the end of the one before. */
  #ends: number[] = [];
  #first = 0;
  #atName = true;
  #state: "announcement" | "messages" | "done" = "announcement";
  /** Which word is taken next. */
  #word = 0;
  readonly #address = new TextSpan();
  readonly #original = new TextSpan();
  readonly #reason = new TextSpan();
  readonly #none = new TextSpan();

  constructor(sink: ListingSink) {
    this.#sink = sink;
  }

  /** Did the end of the listing arrive? */
  get done(): boolean {
    return this.#state === "done";
  }

  /** Did the server at least say that it lists queues? Other announcements throw at once. */
  get announced(): boolean {
    return this.#state !== "announcement";
  }

  /** Takes more input and hands on the messages that it completes. Throws `ListingError`. */
  push(bytes: Uint8Array): void {
    this.#append(bytes);
    const length = this.#length;
    let start = this.#wordStart();
    const held = this.#held;
    for (let at = this.#seen; at < length; at++) {
      if (held[at] !== 0) continue;
      if (!this.#atName || at > start) {
        this.#ends.push(at);
        this.#atName = !this.#atName;
      } else {
        this.#endOfList();
        this.#first = at + 1;
        this.#ends.length = 0;
      }
      start = at + 1;
    }
    this.#seen = length;
    if (length - start > MAX_WORD) throw new ListingError(`attribute longer than ${MAX_WORD} characters`);
  }

  /** Moves what is held to the front, puts the input behind it. */
  #append(bytes: Uint8Array): void {
    const first = this.#first;
    if (first > 0) {
      this.#held.copyWithin(0, first, this.#length);
      this.#length -= first;
      this.#seen -= first;
      this.#first = 0;
      for (let word = 0; word < this.#ends.length; word++) this.#ends[word]! -= first;
    }
    const length = this.#length + bytes.length;
    if (length > this.#held.length) {
      const larger = new Uint8Array(length * 2);
      larger.set(this.#held.subarray(0, this.#length));
      this.#held = larger;
    }
    this.#held.set(bytes, this.#length);
    this.#length = length;
  }

  #wordStart(): number {
    return this.#ends.length === 0 ? this.#first : this.#ends[this.#ends.length - 1]! + 1;
  }

  #endOfList(): void {
    const words = this.#ends.length;
    if (this.#state === "done") throw new ListingError("data behind the end of the listing");
    if (this.#state === "announcement") {
      const list = words < 2 ? "" : decodeText(this.#held.subarray(this.#first, this.#ends[1]));
      if (list !== FIRST_LIST) {
        const found = words === 0 ? "" : this.#text(0).slice(0, 100);
        throw new ListingError(`expected "protocol mail_queue_list_protocol", found "${found}"`);
      }
      this.#state = "messages";
    } else if (words === 0) this.#state = "done";
    else this.#message();
  }

  #message(): void {
    this.#word = 0;
    const queue = this.#takeText(Name.queue);
    if (!QUEUES.has(queue)) throw new ListingError(`unknown queue ${queue.slice(0, 40)}`);
    const id = this.#takeText(Name.id);
    const time = this.#takeNumber(Name.time);
    const size = this.#takeNumber(Name.size);
    const forcedExpire = this.#takeNumber(Name.forcedExpire) !== 0;
    this.#take(Name.sender, this.#address);
    this.#sink.begin({ queue: queue as QueueName, id, time, size, forcedExpire, sender: this.#address });
    while (this.#word < this.#ends.length) this.#recipient();
    this.#sink.end();
  }

  #recipient(): void {
    if (!this.#isNext(Name.original)) {
      this.#take(Name.recipient, this.#address);
      this.#take(Name.reason, this.#reason);
      const log = this.#reason.empty ? "" : "defer";
      this.#sink.recipient(this.#address, this.#none, log, this.#reason);
      return;
    }
    this.#take(Name.original, this.#original);
    this.#take(Name.recipient, this.#address);
    const log = this.#takeText(Name.log);
    this.#take(Name.reason, this.#reason);
    const known = log === "bounce" || log === "defer" ? log : "";
    this.#sink.recipient(this.#address, this.#original, known, this.#reason);
  }

  #startOf(word: number): number {
    return word === 0 ? this.#first : this.#ends[word - 1]! + 1;
  }

  #text(word: number): string {
    return decodeText(this.#held.subarray(this.#startOf(word), this.#ends[word]));
  }

  #isNext(name: Uint8Array): boolean {
    if (this.#word >= this.#ends.length) return false;
    const start = this.#startOf(this.#word);
    if (this.#ends[this.#word]! - start !== name.length) return false;
    for (let at = 0; at < name.length; at++) if (this.#held[start + at] !== name[at]) return false;
    return true;
  }

  /** The index of the value behind `name`, which must come next. */
  #value(name: Uint8Array): number {
    if (!this.#isNext(name)) {
      const found = this.#word < this.#ends.length ? this.#text(this.#word).slice(0, 40) : "(end of list)";
      throw new ListingError(`unexpected attribute ${found} instead of ${decodeText(name)}`);
    }
    this.#word += 2;
    return this.#word - 1;
  }

  #takeText(name: Uint8Array): string {
    return this.#text(this.#value(name));
  }

  /** A value in printable form. */
  #take(name: Uint8Array, into: TextSpan): void {
    const word = this.#value(name);
    const held = this.#held;
    const start = this.#startOf(word);
    const end = this.#ends[word]!;
    into.set(held, start, end);
    for (let at = start; at < end; at++) {
      const byte = held[at]!;
      if (byte < 0x20 || byte > 0x7e) {
        into.setText(printable(into.text()));
        return;
      }
    }
  }

  #takeNumber(name: Uint8Array): number {
    const word = this.#value(name);
    const start = this.#startOf(word);
    const end = this.#ends[word]!;
    if (start === end || end - start > EXACT_DIGITS) return this.#longNumber(name, word);
    let value = 0;
    for (let at = start; at < end; at++) {
      const digit = this.#held[at]! - 0x30;
      if (digit < 0 || digit > 9) return this.#longNumber(name, word);
      value = value * 10 + digit;
    }
    return value;
  }

  /** With a sign, or -1 as 2^64-1. */
  #longNumber(name: Uint8Array, word: number): number {
    const text = this.#text(word);
    if (!/^-?\d{1,20}$/.test(text)) {
      throw new ListingError(`attribute ${decodeText(name)} is not a number: ${text.slice(0, 40)}`);
    }
    return Number(BigInt.asIntN(64, BigInt(text)));
  }
}
