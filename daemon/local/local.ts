import { type Addressing, splitExtension, splitLocalDomain, toExternal } from "../../core/address/mod.ts";
import type { Config } from "../../core/config/types.ts";
import type { Logger } from "../../core/log/mod.ts";
import type { Queue, Recipient } from "../../core/queue/types.ts";
import { lookupUser, type SystemUser, userGroups } from "../../core/system/mod.ts";
import type { DeliveryAgent, DeliveryRecorder, DeliveryRequest } from "../delivery/types.ts";
import { deliverToMailbox, mboxSettings, outcomeOf } from "../mailbox/mod.ts";

export interface LocalDeps {
  readonly config: Config;
  readonly queue: Queue;
  readonly addressing: Addressing;
  readonly recorder: DeliveryRecorder;
  /** In the name of `postfix/local`. */
  readonly log: Logger;
}

/** Makes the agent for one configuration snapshot. Throws `ConfigError` if that can't be used. */
export function createLocal(deps: LocalDeps): DeliveryAgent {
  const { config, queue, addressing, recorder } = deps;
  const host = config.string("myhostname");
  const settings = mboxSettings(config, "local");
  const homeMailbox = config.string("home_mailbox");
  const spool = config.string("mail_spool_directory");

  /** The user of a local part: as it is, else without its extension. */
  function userOf(local: string): SystemUser | undefined {
    const found = lookupUser(local.toLowerCase());
    if (found !== undefined) return found;
    const split = splitExtension(local, addressing.rules);
    return split === undefined ? undefined : lookupUser(split.user.toLowerCase());
  }

  function mailboxOf(user: SystemUser): string {
    if (homeMailbox !== "") return `${user.home}/${homeMailbox}`;
    return spool.endsWith("/") ? `${spool}${user.name}/` : `${spool}/${user.name}`;
  }

  async function deliverOne(request: DeliveryRequest, recipient: Recipient): Promise<boolean> {
    const local = splitLocalDomain(recipient.address).local;
    const user = userOf(local);
    if (user === undefined || user.name.includes("/")) {
      return await recorder.bounced(request, recipient, "local", {
        status: "5.1.1",
        reason: `unknown user: "${toExternal(local)}"`,
      });
    }
    const path = mailboxOf(user);
    const identity = { uid: user.uid, gid: user.gid, groups: userGroups(user.name, user.gid) };
    try {
      const reason = await deliverToMailbox({ queue, request, recipient, path, identity, host, settings });
      return await recorder.sent(request, recipient, "local", { status: "2.0.0", reason });
    } catch (error) {
      const outcome = outcomeOf(error, path);
      return outcome.permanent
        ? await recorder.bounced(request, recipient, "local", outcome.detail)
        : await recorder.deferred(request, recipient, "local", outcome.detail);
    }
  }

  return {
    async deliver(request) {
      let finished = true;
      for (const recipient of request.recipients) {
        if (!await deliverOne(request, recipient)) finished = false;
      }
      return { finished };
    },
  };
}
