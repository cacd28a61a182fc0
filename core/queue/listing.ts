import type { ListedMessage, ListingOptions, Queue, QueueFileInfo, QueueName } from "./types.ts";

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

/** All messages of a queue directory tree, one after the other; what vanishes meanwhile is left out. */
export function* listQueues(
  queue: Queue,
  options: ListingOptions,
  names: readonly QueueName[] = LISTED_QUEUES,
): Generator<ListedMessage> {
  const withLogs = withBounced(queue, options);
  for (const name of names) yield* queue.listAll(name, withLogs);
}
