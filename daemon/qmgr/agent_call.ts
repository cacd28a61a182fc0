/** Handing a request to a delivery agent, with an answer in any case. */
import { stackOf } from "../../core/errors/mod.ts";
import type { DeliveryAgent, DeliveryReply, DeliveryRequest, DsnDetail } from "../delivery/types.ts";

/** The transport has no service. */
export const UNAVAILABLE: DsnDetail = { status: "4.3.0", reason: "mail transport unavailable" };
const BROKEN: DsnDetail = { status: "4.3.0", reason: "unknown mail transport error" };

function trouble(detail: DsnDetail, cause: string): DeliveryReply {
  return { finished: false, transportTrouble: { ...detail, cause } };
}

function broken(error: unknown): DeliveryReply {
  return trouble(BROKEN, stackOf(error));
}

/**
 * Calls an agent, undefined for a service that master.cf does not have. Never rejects: an agent that breaks its promise, and
 * throws or rejects, is trouble with the transport.
 */
export function callAgent(
  agent: DeliveryAgent | undefined,
  request: DeliveryRequest,
): Promise<DeliveryReply> {
  if (agent === undefined) return Promise.resolve(trouble(UNAVAILABLE, "No such file or directory"));
  try {
    return agent.deliver(request).catch(broken);
  } catch (error) {
    return Promise.resolve(broken(error));
  }
}
