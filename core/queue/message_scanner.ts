import { decodeText, printable } from "../bytes/mod.ts";
import type { ByteSource } from "./byte_source.ts";
import { TextSpan } from "./listing_sink.ts";
import { LogScanner } from "./log_scanner.ts";
import { toExternal } from "../address/quote.ts";
import { RecordWalker } from "./record_walker.ts";
import {
  type ListingOptions,
  type ListingSink,
  QueueFileError,
  type QueueFileInfo,
  type QueueName,
  RecordType,
} from "./types.ts";

const FORCE_EXPIRE = 0o010;
const AT = 0x40;
const DOT = 0x2e;

/** Octets that an address in plain form may have besides one `@` and dots: those that need no thought at all. */
const PLAIN = Uint8Array.from(
  { length: 256 },
  (_, code) => /[A-Za-z0-9+=_-]/.test(String.fromCharCode(code)) ? 1 : 0,
);

/** Is it an address that reads the same quoted and unquoted? False for some of those, too: they take the long way. */
function isPlainAddress(bytes: Uint8Array, start: number, end: number): boolean {
  let previous = DOT;
  let ats = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (PLAIN[byte] === 0) {
      if (byte === AT) ats += 1;
      else if (byte !== DOT) return false;
      if (previous === DOT || ats > 1) return false;
    }
    previous = byte;
  }
  return previous !== DOT && previous !== AT;
}

/** The first number of a `C` or `T` record, 0 if there is none. */
function leadingNumber({ bytes, start, end }: RecordWalker): number {
  let at = start;
  while (at < end && bytes[at] === 0x20) at += 1;
  let value = 0;
  for (; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return Number.isSafeInteger(value) ? value : 0;
}

/** The logs of a message; undefined where there is none. */
export interface MessageLogs {
  readonly defer: Uint8Array | undefined;
  readonly bounce: Uint8Array | undefined;
}

/**
 * Lists messages as showq(8) does, one after the other: lenient, since a listing must not fail where a delivery may. What
 * it finds goes to a sink as it stands in the files.
 */
export class MessageScanner {
  readonly #sink: ListingSink;
  readonly #options: ListingOptions;
  readonly #defer = new LogScanner();
  readonly #bounce = new LogScanner();
  /** Recipients in the logs, who are not listed again. */
  readonly #logged = new Set<string>();
  readonly #sender = new TextSpan();
  readonly #address = new TextSpan();
  /** From the record before a recipient's own. */
  readonly #original = new TextSpan();
  readonly #loggedOriginal = new TextSpan();
  readonly #reason = new TextSpan();
  /** Stands empty for recipients without a reason. */
  readonly #none = new TextSpan();
  #begun = false;

  constructor(sink: ListingSink, options: ListingOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  /** Lists one message. False if it is none that can be shown; then a warning was given. */
  scan(source: ByteSource, queue: QueueName, id: string, info: QueueFileInfo, logs: MessageLogs): boolean {
    this.#scanLog(this.#defer, logs.defer);
    this.#scanLog(this.#bounce, logs.bounce);
    this.#begun = false;
    try {
      this.#records(source, queue, id, info);
    } catch (error) {
      if (!(error instanceof QueueFileError)) throw error;
      this.#options.warn(error.message);
    }
    if (this.#begun) this.#sink.end();
    else this.#options.warn(`${id}: missing sender address -- skipping message`);
    return this.#begun;
  }

  #scanLog(scanner: LogScanner, bytes: Uint8Array | undefined): void {
    if (bytes === undefined) scanner.clear();
    else scanner.scan(bytes);
  }

  #records(source: ByteSource, queue: QueueName, id: string, info: QueueFileInfo): void {
    const walker = new RecordWalker(source, id);
    let time = 0;
    let size = 0;
    this.#original.clear();
    while (walker.next()) {
      switch (walker.type) {
        case RecordType.Recipient:
          // Without a sender it is no message.
          if (!this.#begun) return;
          this.#recipient(walker);
          break;
        case RecordType.OriginalRecipient:
          this.#listed(walker, this.#original, true);
          break;
        case RecordType.Done:
        case RecordType.Canceled:
          this.#original.clear();
          break;
        case RecordType.Sender:
          if (this.#begun) break;
          this.#listed(walker, this.#sender, false);
          this.#begin(queue, id, time || Math.floor(info.mtime), size || info.size, info.mode);
          break;
        case RecordType.Time:
          if (time === 0) time = leadingNumber(walker);
          break;
        case RecordType.Size:
          if (size === 0) size = leadingNumber(walker);
          break;
        case RecordType.Message:
          if (size > 0) walker.seek(walker.position + size);
          break;
        case RecordType.End:
          return;
      }
    }
  }

  #begin(queue: QueueName, id: string, time: number, size: number, mode: number): void {
    const forcedExpire = (mode & FORCE_EXPIRE) !== 0;
    this.#sink.begin({ queue, id, time, size, forcedExpire, sender: this.#sender });
    this.#begun = true;
    this.#logged.clear();
    this.#entries(this.#defer, "defer");
    this.#entries(this.#bounce, "bounce");
  }

  #entries(scanner: LogScanner, log: "defer" | "bounce"): void {
    const { emptyAddress, duplicateLimit } = this.#options;
    for (let entry = 0; entry < scanner.count; entry++) {
      scanner.address(entry, emptyAddress, this.#address);
      scanner.original(entry, emptyAddress, this.#loggedOriginal);
      scanner.reason(entry, this.#reason);
      if (duplicateLimit === 0 || this.#logged.size < duplicateLimit) this.#logged.add(this.#address.text());
      this.#sink.recipient(this.#address, this.#loggedOriginal, log, this.#reason);
    }
  }

  #recipient(walker: RecordWalker): void {
    this.#listed(walker, this.#address, false);
    if (this.#logged.size === 0 || !this.#logged.has(this.#address.text())) {
      const original = this.#original.empty ? this.#address : this.#original;
      this.#sink.recipient(this.#address, original, "", this.#none);
    }
    this.#original.clear();
  }

  /** The address of the current record in quoted, printable form; nearly all stand in the file like that. */
  #listed(walker: RecordWalker, into: TextSpan, keep: boolean): void {
    const { bytes, start, end } = walker;
    if (start < end && isPlainAddress(bytes, start, end)) {
      if (keep) into.keep(bytes, start, end);
      else into.set(bytes, start, end);
      return;
    }
    const address = decodeText(bytes.subarray(start, end));
    into.setText(printable(toExternal(address === "" ? this.#options.emptyAddress : address)));
  }
}
