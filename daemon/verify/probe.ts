import { CleanupFlag, type CleanupService, queueInternalMail } from "../cleanup/mod.ts";
import { DeliveryFlag } from "../delivery/types.ts";

/** What a probe says of the system that sends it. */
export interface ProbeOrigin {
  readonly hostname: string;
  readonly mailName: string;
}

/**
 * Queues a probe: a message without content that goes the way of real mail, up to where it would be delivered.
 * Rejects if cleanup does not take it.
 */
export async function sendProbe(
  cleanup: CleanupService,
  origin: ProbeOrigin,
  sender: string,
  recipient: string,
): Promise<void> {
  await queueInternalMail(cleanup, {
    ...origin,
    flags: CleanupFlag.Map,
    traceFlags: DeliveryFlag.ProbeMta,
    sender,
    recipient,
  });
}
