/** Queues for tests: on disk from plain settings, and in memory. */
import { FileQueue } from "./file_queue.ts";
import type { QueueSettings } from "./settings.ts";
import type { Queue } from "./types.ts";

export { memoryQueue } from "./memory_queue_testing.ts";

/** The queue on disk as `openQueue` makes it of main.cf. */
export function openQueueWith(settings: QueueSettings): Queue {
  return new FileQueue(settings);
}
