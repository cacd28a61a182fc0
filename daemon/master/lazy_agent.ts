import type { Logger } from "../../core/log/mod.ts";
import type { DeliveryAgent, DeliveryReply } from "../delivery/mod.ts";

/**
 * An agent that is made when it gets its first delivery: a mistake in the parameters of one transport holds up its own
 * mail only, and a transport that is not used costs nothing.
 */
export function lazyAgent<T extends DeliveryAgent>(
  make: () => T,
  log: Logger,
): DeliveryAgent & { readonly made: T | undefined } {
  let agent: T | undefined;
  return {
    get made() {
      return agent;
    },
    async deliver(request): Promise<DeliveryReply> {
      try {
        agent ??= make();
      } catch (error) {
        const cause = error instanceof Error ? error.message : String(error);
        log.fatal(cause);
        return {
          finished: false,
          transportTrouble: { status: "4.3.0", reason: "mail transport unavailable", cause },
        };
      }
      return await agent.deliver(request);
    },
  };
}
