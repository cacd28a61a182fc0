import { statSync } from "node:fs";
import { splitExtension, splitLocalDomain } from "../../core/address/mod.ts";
import type { Recipient } from "../../core/queue/types.ts";
import { systemReason, wasDeliveredTo } from "../mailbox/mod.ts";
import { deliverToAlias } from "./alias.ts";
import { deliverToForwardFile } from "./forward_file.ts";
import { deliverToUserMailbox } from "./mailbox.ts";
import { bouncedToOwner } from "./owner.ts";
import { withRights } from "./read_file.ts";
import { deliverIndirectly } from "./resolve.ts";
import { bounced, type Context, deferred, firstTime, type State, type UserRights } from "./state.ts";
import { deliverToUnknown } from "./unknown.ts";

/** The state of a recipient as the queue manager hands it over. */
export function firstState(context: Context, recipient: Recipient): State {
  const { sender, envelopeId, returnFlags } = context.request;
  return {
    level: 0,
    recipient,
    sender,
    envelopeId,
    returnFlags,
    delivered: recipient.address,
    local: "",
    user: "",
    extension: undefined,
    delimiter: "",
    domain: "",
    unmatched: undefined,
    owner: undefined,
    kind: undefined,
    expandedFrom: undefined,
  };
}

/** Delivers to one address of this host: loops and duplicates are found here. */
export async function deliverToRecipient(
  context: Context,
  before: State,
  rights: UserRights | undefined,
): Promise<boolean> {
  const { address } = before.recipient;
  const level = before.level + 1;
  if (!firstTime(context, `recipient ${level} ${address}`)) return true;
  if (wasDeliveredTo(context.deliveredTo, address)) {
    const reason = `mail forwarding loop for ${address}`;
    return await bouncedToOwner(context, before, { status: "5.4.6", reason });
  }
  const parts = splitLocalDomain(address);
  if (parts.domain === undefined) context.deps.log.warning(`no @ in recipient address: ${address}`);
  const local = context.deps.addressing.rules.foldCase(parts.local);
  const split = splitExtension(local, context.deps.addressing.rules);
  const state: State = {
    ...before,
    level,
    local,
    user: split?.user ?? local,
    extension: split?.extension,
    delimiter: split?.delimiter ?? "",
    domain: parts.domain ?? context.settings.hostname,
    unmatched: split?.extension,
  };
  if (state.user === "") {
    return await bounced(context, state, { status: "5.1.3", reason: `null username in "${address}"` });
  }
  return await chooseWay(context, { ...state, level: level + 1 }, rights);
}

async function chooseWay(
  context: Context,
  given: State,
  rights: UserRights | undefined,
): Promise<boolean> {
  // A backslash in front says: to the mailbox, whatever aliases and .forward files say.
  if (given.recipient.address.startsWith("\\")) {
    const state: State = {
      ...given,
      recipient: { ...given.recipient, address: given.recipient.address.slice(1) },
      local: given.local.slice(1),
      user: given.user.slice(1),
    };
    return await deliverToUserMailbox(context, state) ?? await deliverToUnknown(context, state, rights);
  }
  const { settings } = context;
  let state: State = { ...given, unmatched: undefined };
  const whole = await deliverToAlias(context, state, rights, state.local);
  if (whole !== undefined) return whole;
  if (state.extension !== undefined) {
    if (settings.propagate.has("alias")) state = { ...state, unmatched: state.extension };
    const bare = await deliverToAlias(context, state, rights, state.user);
    if (bare !== undefined) return bare;
    state = { ...state, unmatched: state.extension };
  }
  // Members of a list and another user's .forward file get a message of their own, with a status of its own.
  if (state.owner !== undefined && context.deps.addressing.rules.foldCase(state.owner) !== state.user) {
    return await deliverIndirectly(context, state);
  }
  if (state.kind === "include") return await deliverIndirectly(context, state);
  return await deliverToUser(context, state, rights);
}

async function deliverToUser(
  context: Context,
  given: State,
  rights: UserRights | undefined,
): Promise<boolean> {
  const { deps, request } = context;
  const user = deps.users.named(given.user);
  let state = given;
  if (user !== undefined) {
    // It becomes a part of names of files, and of what commands make of it.
    if (given.extension?.includes("/")) {
      deps.log.warning(`${request.queueId}: address with illegal extension: ${given.local}`);
      state = { ...given, extension: undefined };
    }
    if (context.settings.requireHome) {
      try {
        withRights(user, () => statSync(user.home));
      } catch (error) {
        const reason = `cannot access home directory ${user.home}: ${systemReason(error)}`;
        return await deferred(context, state, { status: "4.3.0", reason });
      }
    }
    const forwarded = await deliverToForwardFile(context, state, user);
    if (forwarded !== undefined) return forwarded;
  }
  return await deliverToUserMailbox(context, state) ?? await deliverToUnknown(context, state, rights);
}
