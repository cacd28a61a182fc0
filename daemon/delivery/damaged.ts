import { type Queue, QueueFileError } from "../../core/queue/types.ts";
import type { DeliveryRequest } from "./types.ts";

/** The mode of a damaged queue file. */
const DAMAGED = 0o400;

/** Says an error that the queue file itself is damaged, so that no later try can do better? */
export function isDamage(error: unknown): boolean {
  return error instanceof QueueFileError && error.kind === "corrupt";
}

/**
 * Marks the queue file of a request as damaged, as Postfix's agents do. The queue manager, told that the delivery is not
 * finished, then moves it to `corrupt`. Throws `QueueFileError`.
 */
export function markDamaged(queue: Pick<Queue, "setMode">, request: DeliveryRequest): void {
  queue.setMode(request.queueName, request.queueId, DAMAGED);
}
