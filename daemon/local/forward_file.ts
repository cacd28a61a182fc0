import { lstatSync, type Stats } from "node:fs";
import { MacroError } from "../../core/config/mod.ts";
import { Notify } from "../../core/queue/types.ts";
import { pathInfo } from "../../core/system/mod.ts";
import { systemReason } from "../mailbox/mod.ts";
import { reportExpansion } from "./alias.ts";
import { expandFor } from "./expand.ts";
import { withoutSuccess } from "./forward.ts";
import { readAs, withRights } from "./read_file.ts";
import { isServersProbe } from "./resolve.ts";
import {
  type Context,
  deferred,
  firstTime,
  MISCONFIGURED,
  sent,
  type State,
  type UserRights,
} from "./state.ts";

interface ForwardFile {
  readonly path: string;
  readonly status: Stats;
  readonly usedExtension: boolean;
}

/** The first file of `forward_path` that is there. Throws `MacroError`. */
function findFile(context: Context, state: State, user: UserRights): ForwardFile | undefined {
  const { forwardPath, forwardFilter } = context.settings;
  for (const template of forwardPath.split(/[\s,]+/).filter(Boolean)) {
    const { text: path, undefinedName, usedExtension } = expandFor(
      template,
      context,
      state,
      user,
      forwardFilter,
    );
    if (undefinedName) continue;
    try {
      // Most users have none, and what root does not find they don't find either. Asking the system directly is much
      // cheaper than a change of rights and the exception.
      if (pathInfo(path) === "missing") continue;
      return { path, status: withRights(user, () => lstatSync(path)), usedExtension };
    } catch {
      // Not there, or not to be reached as this user: the next one.
    }
  }
  return undefined;
}

/** What speaks against using the file; undefined if nothing does. */
function objection({ path, status }: ForwardFile, user: UserRights): string | undefined {
  if (!status.isFile()) return `file ${path} is not a regular file`;
  if (status.uid !== 0 && status.uid !== user.uid) return `file ${path} has bad owner uid ${status.uid}`;
  if ((status.mode & 0o002) !== 0) return `file ${path} is world writable`;
  return undefined;
}

/** Delivers to what a user's .forward file says; undefined if there is none, or none that counts. */
export async function deliverToForwardFile(
  context: Context,
  before: State,
  user: UserRights,
): Promise<boolean | undefined> {
  const { deps, settings } = context;
  if (settings.forwardPath === "") return undefined;
  let state: State = { ...before, level: before.level + 1, kind: "forward", owner: before.user };
  if (!settings.frozenDeliveredTo) state = { ...state, delivered: state.recipient.address };
  let file: ForwardFile | undefined;
  try {
    file = findFile(context, state, user);
  } catch (error) {
    if (!(error instanceof MacroError)) throw error;
    deps.log.warning(`bad parameter value syntax for forward_path: ${settings.forwardPath}`);
    return await deferred(context, state, { status: "4.3.5", reason: MISCONFIGURED });
  }
  if (file === undefined) return undefined;
  if (isServersProbe(context)) {
    return await sent(context, state, { status: "2.0.0", reason: `forward via file: ${file.path}` });
  }
  if (file.usedExtension || !settings.propagate.has("forward")) state = { ...state, unmatched: undefined };
  // A user who forwards to himself gets the mail into the mailbox.
  if (!firstTime(context, `forward ${file.path}`)) return undefined;
  state = { ...state, expandedFrom: state.local };
  const text = readFile(context, file, user);
  if (text === undefined) return undefined;
  const wanted = state.recipient.notify;
  if ((wanted & Notify.Success) !== 0) {
    state = { ...state, recipient: { ...state.recipient, notify: withoutSuccess(state.recipient) } };
  }
  const expanded = await context.steps.lines(context, state, user, text);
  if (!expanded.finished) return false;
  if (expanded.count === 0) return undefined;
  return (wanted & Notify.Success) === 0 || await reportExpansion(context, before, "expanded");
}

function readFile(context: Context, file: ForwardFile, user: UserRights): string | undefined {
  const { log } = context.deps;
  const wrong = objection(file, user);
  if (wrong !== undefined) {
    log.warning(wrong);
    return undefined;
  }
  let changed: string | undefined;
  try {
    return readAs(user, file.path, (status) => {
      // What was opened is what was looked at, or is as good.
      changed = objection({ ...file, status }, user);
      if (changed !== undefined) throw new Error(changed);
    });
  } catch (error) {
    log.warning(changed ?? `cannot open file ${file.path}: ${systemReason(error)}`);
    return undefined;
  }
}
