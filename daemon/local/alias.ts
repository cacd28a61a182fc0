import { messageOf } from "../../core/errors/mod.ts";
import { Notify } from "../../core/queue/types.ts";
import { toExternal } from "../../core/address/mod.ts";
import { lookupUser } from "../../core/system/mod.ts";
import { TableError } from "../../core/table/mod.ts";
import type { FoundAlias } from "./alias_tables.ts";
import { withoutSuccess } from "./forward.ts";
import { ownerAddress, withOwner } from "./owner.ts";
import { isServersProbe } from "./resolve.ts";
import { bounced, type Context, deferred, sent, type State, type UserRights } from "./state.ts";

/** Aliases of aliases beyond this are a loop. */
const MOST_STEPS = 100;
const UNAVAILABLE = { status: "4.3.0", reason: "alias database unavailable" } as const;

/**
 * Delivers to what an alias stands for. Undefined if `name` is no alias, or the one that the state came from, which is a
 * user then.
 */
export async function deliverToAlias(
  context: Context,
  before: State,
  rights: UserRights | undefined,
  name: string,
): Promise<boolean | undefined> {
  const { deps } = context;
  const { rules } = deps.addressing;
  if (before.expandedFrom !== undefined && rules.foldCase(before.expandedFrom) === rules.foldCase(name)) {
    return undefined;
  }
  const state = { ...before, level: before.level + 1 };
  if (state.level > MOST_STEPS) {
    const reason = `alias database loop for ${name}`;
    deps.log.warning(reason);
    return await bounced(context, state, { status: "5.4.6", reason });
  }
  try {
    const found = await deps.aliases.find(name);
    return found === undefined ? undefined : await expand(context, state, rights, name, found);
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    return await deferred(context, state, UNAVAILABLE);
  }
}

/** The rights of files and commands in an alias: the owner's of the table, nobody's in particular if that is root. */
function rightsOf(context: Context, { table }: FoundAlias): UserRights | "none" | string {
  const owner = context.deps.aliases.ownerOf(table);
  const label = `${table.type}:${table.name}`;
  if (owner === "trusted") return "none";
  if (owner === "unknown") return `no owner UID for alias database ${label}`;
  const user = lookupUser(owner);
  return user ?? `cannot find alias database owner for ${label}`;
}

async function expand(
  context: Context,
  before: State,
  given: UserRights | undefined,
  name: string,
  found: FoundAlias,
): Promise<boolean> {
  const { deps, settings } = context;
  if (isServersProbe(context)) {
    return await sent(context, before, { status: "2.0.0", reason: `aliased to ${found.value}` });
  }
  let state: State = { ...before, kind: "alias", expandedFrom: name };
  const owned = rightsOf(context, found);
  let rights = given;
  if (typeof owned === "object") rights = owned;
  else if (owned === "none") rights = undefined;
  else {
    deps.log.warning(owned);
    const reason = "cannot find alias database owner";
    return await deferred(context, state, { status: "4.3.0", reason });
  }
  const owner = await ownerAddress(context, name);
  const wanted = state.recipient.notify;
  if (owner !== undefined) state = withOwner(state, owner);
  else {
    if (settings.resetOwnerAlias) state = { ...state, owner: undefined };
    if ((wanted & Notify.Success) !== 0) {
      state = { ...state, recipient: { ...state.recipient, notify: withoutSuccess(state.recipient) } };
    }
  }
  if (!settings.frozenDeliveredTo) state = { ...state, delivered: state.recipient.address };
  const expanded = await context.steps.addresses(context, state, rights, found.value);
  if (!expanded.finished) return false;
  if (expanded.count === 0) {
    deps.log.warning(`no recipient in alias lookup result for ${name}`);
    return await deferred(context, state, UNAVAILABLE);
  }
  if ((wanted & Notify.Success) === 0) return true;
  return await reportExpansion(context, before, owner === undefined ? "expanded" : "delivered");
}

/** RFC 3461 section 5.2.7: the sender is told that an address became several, or that a list took the message. */
export async function reportExpansion(
  context: Context,
  state: State,
  action: "expanded" | "delivered",
): Promise<boolean> {
  const { bounce } = context.deps;
  const { recipient } = state;
  try {
    await bounce.append(
      "trace",
      context.request.queueId,
      0,
      { ...recipient, address: toExternal(recipient.address) },
      action,
      { status: "2.0.0", reason: "alias expanded" },
    );
    return true;
  } catch (error) {
    const why = messageOf(error);
    context.deps.log.warning(`${context.request.queueId}: trace service failure: ${why}`);
    return await deferred(context, state, { status: "4.3.0", reason: "trace service failed" });
  }
}
