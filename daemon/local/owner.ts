import { splitExtension, splitLocalDomain } from "../../core/address/mod.ts";
import { TableError } from "../../core/table/mod.ts";
import { toExternal } from "../../core/address/mod.ts";
import type { DsnDetail } from "../delivery/types.ts";
import { withoutSuccess } from "./forward.ts";
import { bounced, type Context, deferred, type State } from "./state.ts";

/**
 * The sender that a list's mail gets: the alias `owner-NAME` in canonical form, or with `expand_owner_alias` what it
 * stands for. Undefined if there is no such alias. Throws `TableError`.
 */
export async function ownerAddress(context: Context, name: string): Promise<string | undefined> {
  const { settings, deps } = context;
  if (!settings.ownerRequestSpecial) return undefined;
  const alias = `owner-${name}`;
  const found = await deps.aliases.find(alias);
  if (found === undefined) return undefined;
  const address = settings.expandOwnerAlias ? found.value : toExternal(alias);
  return deps.addressing.rewriteInternal("local", address);
}

/**
 * The state of mail to a list. The members' successes are nobody's business (RFC 3461 section 5.2.7.3); all else that was
 * asked to be told goes along, and is told to the owner.
 */
export function withOwner(state: State, owner: string): State {
  const { recipient } = state;
  return {
    ...state,
    owner,
    sender: owner,
    recipient: { ...recipient, original: "", dsnOriginal: "", notify: withoutSuccess(recipient) },
  };
}

/** Bounces to the list's owner if the address has one, else to the sender. */
export async function bouncedToOwner(context: Context, state: State, detail: DsnDetail): Promise<boolean> {
  const { deps, request } = context;
  const local = splitLocalDomain(state.recipient.address).local;
  let owner: string | undefined;
  try {
    owner = await ownerAddress(context, local);
    const split = splitExtension(local, deps.addressing.rules);
    if (owner === undefined && split !== undefined) owner = await ownerAddress(context, split.user);
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    return await deferred(context, state, { status: "4.3.0", reason: "alias database unavailable" });
  }
  if (owner === undefined) return await bounced(context, state, detail);
  const target = {
    flags: request.flags,
    queueName: request.queueName,
    queueId: request.queueId,
    encoding: request.encoding,
    sendopts: request.sendopts,
    sender: owner,
    envelopeId: "",
    returnFlags: 0,
  };
  const { bounce } = deps;
  const recorder = deps.recorderWith({
    append: (log, id, flags, recipient, action, told) =>
      log === "bounce"
        ? bounce.one(target, recipient, told)
        : bounce.append(log, id, flags, recipient, action, told),
    flush: (kind, which) => bounce.flush(kind, which),
    warn: (which) => bounce.warn(which),
    one: (which, recipient, told) => bounce.one(which, recipient, told),
  });
  return await recorder.bounced(request, withOwner(state, owner).recipient, deps.service, detail);
}
