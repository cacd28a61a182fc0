import { messageOf } from "../../core/errors/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import type { Queue } from "../../core/queue/types.ts";
import { ACTIVE } from "./message.ts";
import type { Clock } from "./types.ts";

/** Puts back into incoming what a former run left in active. What can't be moved stays, with a line in the log. */
export function recoverActive(queue: Queue, log: Logger, clock: Clock): void {
  let recovered = 0;
  const now = Math.floor(clock.now());
  for (const id of queue.scan(ACTIVE)) {
    try {
      queue.move(id, ACTIVE, "incoming", now);
      recovered += 1;
    } catch (error) {
      log.warning(`${id}: cannot take back from active: ${messageOf(error)}`);
    }
  }
  if (recovered > 0) {
    log.info(`recovered ${recovered} messages of a former run`, "recovered", { count: recovered });
  }
}
