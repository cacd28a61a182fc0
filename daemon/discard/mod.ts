/** The discard transport (discard(8)): everything counts as delivered, with the next hop as the remark in the log. */
import { splitReason } from "../delivery/mod.ts";
import type { DeliveryAgent, DeliveryRecorder } from "../delivery/types.ts";

/** @param deps.recorder in the name of `postfix/discard` */
export function createDiscardAgent({ recorder }: { readonly recorder: DeliveryRecorder }): DeliveryAgent {
  return {
    async deliver(request) {
      const detail = splitReason(request.nexthop, "2.0.0");
      let finished = true;
      for (const recipient of request.recipients) {
        finished = await recorder.sent(request, recipient, "none", detail) && finished;
      }
      return { finished };
    },
  };
}
