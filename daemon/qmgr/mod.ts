/**
 * The queue manager (qmgr(8)): takes queued messages into the active queue, routes their recipients, schedules
 * deliveries per transport and destination, and removes, defers or returns what is through. docs/queue-manager.md.
 */
export { createQueueManager } from "./manager.ts";
export type {
  Clock,
  QueueManager,
  QueueManagerDeps,
  QueueManagerStats,
  Routing,
  Timer,
  TransportStats,
} from "./types.ts";
