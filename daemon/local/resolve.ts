import { DeliveryFlag } from "../delivery/mod.ts";
import { bounced, type Context, deferred, firstTime, sent, type State, type UserRights } from "./state.ts";

/** Is this only to find out whether mail could be delivered? */
export function isProbe({ request }: Context): boolean {
  return (request.flags & (DeliveryFlag.ProbeMta | DeliveryFlag.ProbeUser)) !== 0;
}

/** Does a server ask? It gets a word for the address as a whole; a user, by `sendmail -bv`, one for each of its ends. */
export function isServersProbe({ request }: Context): boolean {
  return (request.flags & DeliveryFlag.ProbeMta) !== 0;
}

/** Sends mail on to the state's recipient, as a new message. */
export async function deliverIndirectly(context: Context, state: State): Promise<boolean> {
  const { address } = state.recipient;
  if (!firstTime(context, `indirect ${address}`)) return true;
  if (isProbe(context)) {
    return await sent(context, state, { status: "2.0.0", reason: `forwards to ${address}` });
  }
  context.forwards.add(state);
  return true;
}

/** Puts the extension that is left over behind the user name. */
function withExtension(address: string, state: State): string {
  if (state.unmatched === undefined) return address;
  const at = address.lastIndexOf("@");
  const end = at === -1 ? address.length : at;
  return address.slice(0, end) + state.delimiter + state.unmatched + address.slice(end);
}

/** Brings an address (internal form) into canonical form and delivers to it here, or sends the mail on. */
export async function deliverResolved(
  context: Context,
  before: State,
  rights: UserRights | undefined,
  given: string,
): Promise<boolean> {
  const { addressing, service } = context.deps;
  const state = { ...before, level: before.level + 1 };
  const rewritten = addressing.rewriteInternal("local", given);
  const resolved = await addressing.resolve(state.sender, rewritten);
  if (resolved.error?.kind === "temporary") {
    return await deferred(context, state, { status: "4.3.0", reason: "address resolver failure" });
  }
  if (resolved.error !== undefined || resolved.recipient === "") {
    const reason = `bad recipient address syntax: ${resolved.recipient || rewritten}`;
    return await bounced(context, state, { status: "5.1.3", reason });
  }
  const address = withExtension(resolved.recipient, state);
  const next = { ...state, recipient: { ...state.recipient, address } };
  return resolved.transport === service
    ? await context.steps.recipient(context, next, rights)
    : await deliverIndirectly(context, next);
}
