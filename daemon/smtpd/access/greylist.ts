import { messageOf } from "../../../core/errors/mod.ts";
import { applyAction } from "./actions.ts";
import type { Check, Outcome } from "./check.ts";
import { plain, type Restriction } from "./restriction.ts";

/** `postel_greylist`: makes unknown clients try again, without another daemon. */
export const greylistRestrictions: Readonly<Record<string, Restriction>> = {
  postel_greylist: plain(greylist),
};

async function greylist(check: Check): Promise<Outcome> {
  const { session, recipient } = check;
  if (recipient === undefined) return "dunno";
  const { client, service } = session;
  const started = session.transaction?.arrival ?? { seconds: 0, micros: 0 };
  let action: string;
  try {
    if (service.deps.greylist === undefined) throw new Error("there is no greylist service");
    ({ action } = await service.deps.greylist.ask({
      clientAddress: client.address,
      clientName: client.name,
      sender: check.sender ?? "",
      recipient,
      instance: `${Deno.pid}.${started.seconds}.${started.micros}.${session.serial}`,
    }));
  } catch (error) {
    session.warn(`postel_greylist: ${messageOf(error)}`);
    // As with a policy service that can't be asked.
    action = service.access.settings.policy.defaultAction;
  }
  return await applyAction(check, {
    table: "postel_greylist",
    key: "",
    value: action,
    name: check.name,
    nameClass: check.nameClass,
  });
}
