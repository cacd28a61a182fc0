import { addressesOf, parseAddressList, tokensToInternal } from "../../core/address/mod.ts";
import { deliverToCommand } from "./command.ts";
import { deliverToFile } from "./file.ts";
import { bouncedToOwner } from "./owner.ts";
import { type Context, type Expanded, MISCONFIGURED, type State, type UserRights } from "./state.ts";

const INCLUDE = ":include:";

/** One destination of an alias, an include file or a .forward file. */
async function deliverToDestination(
  context: Context,
  before: State,
  rights: UserRights | undefined,
  destination: string,
): Promise<boolean> {
  const state = { ...before, level: before.level + 1 };
  const { settings, steps } = context;
  const kind = state.kind ?? "alias";
  if (destination.startsWith("/")) {
    if (!settings.allowFiles.has(kind)) {
      return await bouncedToOwner(context, state, { status: "5.7.1", reason: "mail to file is restricted" });
    }
    return await deliverToFile(context, state, rights, destination);
  }
  if (destination.startsWith("~")) {
    return await deliverBelowHome(context, state, rights, destination.slice(1));
  }
  if (destination.startsWith("|")) {
    if (!settings.allowCommands.has(kind)) {
      return await bouncedToOwner(context, state, {
        status: "5.7.1",
        reason: "mail to command is restricted",
      });
    }
    return await deliverToCommand(context, state, rights, destination.slice(1));
  }
  if (destination.slice(0, INCLUDE.length).toLowerCase() === INCLUDE) {
    return await steps.include(context, state, rights, destination.slice(INCLUDE.length));
  }
  return await steps.resolve(context, state, rights, destination);
}

/** `~/name` is a file in the home directory of the user whose .forward file says so. */
async function deliverBelowHome(
  context: Context,
  state: State,
  rights: UserRights | undefined,
  path: string,
): Promise<boolean> {
  const home = rights?.home.replace(/^\/$/, "");
  const problem = !path.startsWith("/")
    ? "bad home directory syntax for"
    : home === undefined
    ? "unknown home directory for"
    : undefined;
  if (problem === undefined) return await deliverToDestination(context, state, rights, home + path);
  context.deps.log.warning(`${problem}: ~${path}`);
  return await bouncedToOwner(context, state, { status: "5.3.5", reason: MISCONFIGURED });
}

/** Delivers to all addresses of a text, also behind one that must be tried again. */
export async function deliverToAddresses(
  context: Context,
  before: State,
  rights: UserRights | undefined,
  text: string,
): Promise<Expanded> {
  const state = { ...before, level: before.level + 1 };
  const addresses = addressesOf(parseAddressList(text));
  let finished = true;
  for (const { tokens } of addresses) {
    if (!await deliverToDestination(context, state, rights, tokensToInternal(tokens))) finished = false;
  }
  return { finished, count: addresses.length };
}

/** The same for each line of a file; lines that begin with `#` are comments. */
export async function deliverToLines(
  context: Context,
  state: State,
  rights: UserRights | undefined,
  text: string,
): Promise<Expanded> {
  let count = 0;
  for (const line of text.split("\n")) {
    if (line.startsWith("#")) continue;
    for (let at = 0; at < Math.max(line.length, 1); at += context.settings.lineLimit) {
      const piece = line.slice(at, at + context.settings.lineLimit);
      const expanded = await deliverToAddresses(context, state, rights, piece);
      count += expanded.count;
      if (!expanded.finished) return { finished: false, count };
    }
  }
  return { finished: true, count };
}
