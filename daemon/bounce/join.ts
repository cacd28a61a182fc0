import type { LogName } from "../../core/queue/mod.ts";
import type { BounceService } from "../delivery/types.ts";

/** Three services as one: each request goes to the one whose socket Postfix's clients would ask. */
export function joinBounceServices(services: Readonly<Record<LogName, BounceService>>): BounceService {
  return {
    append: (log, queueId, flags, recipient, action, detail) =>
      services[log].append(log, queueId, flags, recipient, action, detail),
    flush: (kind, target) => services[kind].flush(kind, target),
    warn: (target) => services.defer.warn(target),
    one: (target, recipient, detail) => services.bounce.one(target, recipient, detail),
  };
}
