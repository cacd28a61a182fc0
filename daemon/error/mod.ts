/**
 * The error and retry transports (error(8)): no delivery at all, the next hop is the reason. Under the name `error` every
 * recipient bounces, under the name `retry` every recipient is deferred.
 */
import { splitReason } from "../delivery/mod.ts";
import type { DeliveryAgent, DeliveryRecorder } from "../delivery/types.ts";

/** What the agent works with. */
export interface ErrorAgentDeps {
  /** In the name of `postfix/error`, whichever of the two it is. */
  readonly recorder: DeliveryRecorder;
  /** The service's name in master.cf: `retry`, or anything else for `error`. */
  readonly service: string;
}

/** Makes the agent of one entry of master.cf. */
export function createErrorAgent({ recorder, service }: ErrorAgentDeps): DeliveryAgent {
  const retries = service === "retry";
  return {
    async deliver(request) {
      const detail = splitReason(request.nexthop, retries ? "4.0.0" : "5.0.0");
      let finished = true;
      for (const recipient of request.recipients) {
        const done = retries
          ? await recorder.deferred(request, recipient, "none", detail)
          : await recorder.bounced(request, recipient, "none", detail);
        finished = done && finished;
      }
      return { finished };
    },
  };
}
