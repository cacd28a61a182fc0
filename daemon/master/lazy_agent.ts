import { messageOf } from "../../core/errors/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { deliverVerbosely } from "./verbose.ts";
import type { DeliveryAgent, DeliveryReply } from "../delivery/mod.ts";

/** An agent that may not have been made yet. */
export interface LazyAgent<T extends DeliveryAgent> extends DeliveryAgent {
  readonly made: T | undefined;
  /** Makes it now, if that is possible. A mistake in its parameters shows at the first delivery. */
  prepare(): void;
}

/**
 * An agent that is made when it gets its first delivery at the latest: a mistake in the parameters of one transport holds
 * up its own mail only.
 */
export function lazyAgent<T extends DeliveryAgent>(make: () => T, log: Logger): LazyAgent<T> {
  let agent: T | undefined;
  return {
    prepare() {
      try {
        agent ??= make();
      } catch {
        // Said when mail needs the transport; until then it may never matter.
      }
    },
    get made() {
      return agent;
    },
    async deliver(request): Promise<DeliveryReply> {
      try {
        agent ??= make();
      } catch (error) {
        const cause = messageOf(error);
        log.fatal(cause);
        return {
          finished: false,
          transportTrouble: { status: "4.3.0", reason: "mail transport unavailable", cause },
        };
      }
      if (log.verbosity > 0) return await deliverVerbosely(agent, request, log);
      return await agent.deliver(request);
    },
  };
}
