/** Queue listings (`mailq`) as the rest of the program sees them; `types.ts` has them too. */
import type { QueueName } from "./types.ts";

/** One recipient of a listed message. */
export interface ListedRecipient {
  /** Quoted, printable form. */
  readonly address: string;
  /** The same before rewriting; equal to `address` if the file has none. */
  readonly original: string;
  /** Which log the reason is from; empty for a recipient that is only in the queue file. */
  readonly log: "defer" | "bounce" | "";
  readonly reason: string;
}

/** One message of a queue listing (`mailq`). */
export interface ListedMessage {
  readonly queue: QueueName;
  readonly id: string;
  /** Arrival, seconds. */
  readonly time: number;
  readonly size: number;
  /** Marked by `postsuper -e`. */
  readonly forcedExpire: boolean;
  /** Quoted, printable form; never empty. */
  readonly sender: string;
  readonly recipients: readonly ListedRecipient[];
}

/** Octets of a file that a listing shows: quoted, printable. Valid during the call that hands them out. */
export interface ListedText {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly empty: boolean;
  text(): string;
}

/** What a listing says of a message before its recipients; as in `ListedMessage`. */
export interface ListingHead {
  readonly queue: QueueName;
  readonly id: string;
  readonly time: number;
  readonly size: number;
  readonly forcedExpire: boolean;
  readonly sender: ListedText;
}

/** Takes a listing as it is found, without a string made of anything. */
export interface ListingSink {
  begin(head: ListingHead): void;
  recipient(address: ListedText, original: ListedText, log: ListedRecipient["log"], reason: ListedText): void;
  /** The message is complete. */
  end(): void;
}

/** How messages are listed. */
export interface ListingOptions {
  /** What stands for the null address (`empty_address_recipient`). */
  readonly emptyAddress: string;
  /** So many logged recipients are remembered to leave them out later (`duplicate_filter_limit`); 0 for all. */
  readonly duplicateLimit: number;
  /** Told about files that can't be listed. */
  readonly warn: (text: string) => void;
  /** Messages with a bounce log; without it every message is asked for one. */
  readonly bounced?: ReadonlySet<string>;
}
