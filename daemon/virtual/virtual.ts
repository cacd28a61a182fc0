import process from "node:process";
import type { Addressing } from "../../core/address/mod.ts";
import { toExternal } from "../../core/address/mod.ts";
import type { Config } from "../../core/config/types.ts";
import type { Logger } from "../../core/log/mod.ts";
import type { Queue, Recipient } from "../../core/queue/types.ts";
import { TableError } from "../../core/table/mod.ts";
import type { Identity } from "../../core/system/mod.ts";
import type { DeliveryAgent, DeliveryRecorder, DeliveryReply, DeliveryRequest } from "../delivery/types.ts";
import { deliverToMailbox, mboxSettings, outcomeOf } from "../mailbox/mod.ts";

export interface VirtualDeps {
  readonly config: Config;
  readonly queue: Queue;
  readonly addressing: Addressing;
  readonly recorder: DeliveryRecorder;
  /** In the name of `postfix/virtual`. */
  readonly log: Logger;
}

/** How far a table search goes for a mailbox: whole address, without extension, `@domain`. */
const SCOPE = { atDomain: true } as const;

/** A recipient that can't be delivered to because of what a table says. */
class MappingError extends Error {
  override readonly name = "MappingError";
}

/** Makes the agent for one configuration snapshot. Throws `ConfigError` or `TableError` if that can't be used. */
export function createVirtual(deps: VirtualDeps): DeliveryAgent {
  const { config, queue, addressing, recorder, log } = deps;
  const mailboxMaps = addressing.openMaps("virtual_mailbox_maps");
  const uidMaps = addressing.openMaps("virtual_uid_maps");
  const gidMaps = addressing.openMaps("virtual_gid_maps");
  const base = config.string("virtual_mailbox_base");
  const minimumUid = config.int("virtual_minimum_uid");
  const host = config.string("myhostname");
  const settings = mboxSettings(config, "virtual");
  const isRoot = process.geteuid?.() === 0;

  async function numberFrom(maps: typeof uidMaps, parameter: string, recipient: string): Promise<number> {
    const found = await addressing.find(maps, recipient, SCOPE);
    if (found === undefined) throw new MappingError(`recipient ${recipient}: not found in ${parameter}`);
    if (!/^\d{1,10}$/.test(found.value)) {
      throw new MappingError(`recipient ${recipient}: bad value "${found.value}" in ${parameter}`);
    }
    return Number(found.value);
  }

  async function identityOf(recipient: string): Promise<Identity> {
    // Without root there is one identity only: the process's own.
    if (!isRoot) {
      return {
        uid: process.geteuid?.() ?? 0,
        gid: process.getegid?.() ?? 0,
        groups: process.getgroups?.() as number[],
      };
    }
    const uid = await numberFrom(uidMaps, "virtual_uid_maps", recipient);
    if (uid < minimumUid) {
      throw new MappingError(
        `recipient ${recipient}: uid ${uid} in virtual_uid_maps is below virtual_minimum_uid`,
      );
    }
    const gid = await numberFrom(gidMaps, "virtual_gid_maps", recipient);
    return { uid, gid, groups: [gid] };
  }

  async function deliverOne(request: DeliveryRequest, recipient: Recipient): Promise<boolean> {
    const { address } = recipient;
    try {
      const found = await addressing.find(mailboxMaps, address.toLowerCase(), SCOPE);
      if (found === undefined) {
        return await recorder.bounced(request, recipient, "virtual", {
          status: "5.1.1",
          reason: `unknown user: "${toExternal(address)}"`,
        });
      }
      if (found.value.split("/").includes("..")) {
        throw new MappingError(`recipient ${address}: ".." in the mailbox name "${found.value}"`);
      }
      const identity = await identityOf(address.toLowerCase());
      const path = `${base}/${found.value}`;
      const reason = await deliverToMailbox({ queue, request, recipient, path, identity, host, settings });
      return await recorder.sent(request, recipient, "virtual", { status: "2.0.0", reason });
    } catch (error) {
      if (error instanceof MappingError || error instanceof TableError) {
        log.warning(error.message);
        return await recorder.deferred(request, recipient, "virtual", {
          status: "4.3.5",
          reason: "mail system configuration error",
        });
      }
      const outcome = outcomeOf(error, `${base}/${address}`);
      return outcome.permanent
        ? await recorder.bounced(request, recipient, "virtual", outcome.detail)
        : await recorder.deferred(request, recipient, "virtual", outcome.detail);
    }
  }

  return {
    async deliver(request): Promise<DeliveryReply> {
      let finished = true;
      for (const recipient of request.recipients) {
        if (!await deliverOne(request, recipient)) finished = false;
      }
      return { finished };
    },
  };
}
