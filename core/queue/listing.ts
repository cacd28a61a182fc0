import type { ListingOptions, Queue, QueueFileInfo, QueueName } from "./types.ts";

/** The queues of a listing, in its order. */
export const LISTED_QUEUES: readonly QueueName[] = ["maildrop", "active", "incoming", "deferred", "hold"];

/** Owner permissions of a complete message. */
export const READY = 0o700;

/** Is it a complete message? */
export function isReady(info: QueueFileInfo): boolean {
  return info.isFile && (info.mode & READY) === READY;
}

/** Bounce logs are few and short-lived: one look at their directory saves one for every message. */
export function withBounced(queue: Queue, options: ListingOptions): ListingOptions {
  return { ...options, bounced: new Set(queue.scanLogs("bounce")) };
}
