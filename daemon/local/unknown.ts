import { runSteps } from "../../core/address/mod.ts";
import { MacroError } from "../../core/config/mod.ts";
import { TableError } from "../../core/table/mod.ts";
import { expandFor } from "./expand.ts";
import { passOn } from "./pass.ts";
import {
  bounced,
  type Context,
  deferred,
  MISCONFIGURED,
  sent,
  type State,
  type UserRights,
} from "./state.ts";

/** Names that every host must accept (RFC 5321 section 4.5.1). */
const RESERVED = new Set(["mailer-daemon", "postmaster"]);

/** The end for a name that is neither an alias nor a user. */
export async function deliverToUnknown(
  context: Context,
  before: State,
  rights: UserRights | undefined,
): Promise<boolean> {
  const { deps, settings } = context;
  const state = { ...before, level: before.level + 1 };
  try {
    const transport = await runSteps(deps.maps.fallbackTransport.find(state.user));
    if (transport !== undefined) return await passOn(context, state, transport);
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    return await deferred(context, state, { status: "4.3.0", reason: "table lookup failure" });
  }
  if (settings.fallbackTransport !== "") return await passOn(context, state, settings.fallbackTransport);
  if (settings.luserRelay !== "") return await relay(context, state, rights);
  if (RESERVED.has(state.user)) {
    deps.log.warning(`required alias not found: ${state.user}`);
    return await sent(context, state, { status: "2.0.0", reason: "discarded" });
  }
  return await bounced(context, state, { status: "5.1.1", reason: `unknown user: "${state.user}"` });
}

async function relay(context: Context, before: State, rights: UserRights | undefined): Promise<boolean> {
  const state: State = { ...before, unmatched: undefined, kind: before.kind ?? "alias" };
  let address: string;
  try {
    address = expandFor(context.settings.luserRelay, context, state, rights).text;
  } catch (error) {
    if (!(error instanceof MacroError)) throw error;
    context.deps.log.warning(`bad parameter value syntax for luser_relay: ${context.settings.luserRelay}`);
    return await deferred(context, state, { status: "4.3.5", reason: MISCONFIGURED });
  }
  return await context.steps.resolve(context, state, rights, address);
}
