import { statSync } from "node:fs";
import { lookupUser } from "../../core/system/mod.ts";
import { systemReason } from "../mailbox/mod.ts";
import { readAs, withRights } from "./read_file.ts";
import {
  bounced,
  type Context,
  deferred,
  firstTime,
  MISCONFIGURED,
  type State,
  type UserRights,
} from "./state.ts";

const BROKEN = { status: "5.3.5", reason: MISCONFIGURED } as const;

/** Delivers to the addresses of an `:include:` file. */
export async function deliverToInclude(
  context: Context,
  before: State,
  given: UserRights | undefined,
  path: string,
): Promise<boolean> {
  const { deps, settings } = context;
  if (!firstTime(context, `include ${given?.uid ?? 0} ${path}`)) return true;
  let state: State = { ...before, level: before.level + 1, kind: "include" };
  const refused = async (text: string) => {
    deps.log.warning(text);
    return await bounced(context, state, BROKEN);
  };
  if (!path.startsWith("/")) return await refused(`:include:${path} uses a relative path`);
  let status;
  try {
    status = withRights(given, () => statSync(path));
  } catch (error) {
    return await refused(`unable to lookup :include: file ${path}: ${systemReason(error)}`);
  }
  if (!status.isFile()) return await refused(`:include: file ${path} is not a regular file`);
  if ((status.mode & 0o002) !== 0) return await refused(`:include: file ${path} is world writable`);
  let rights = given;
  // A user's file that root's alias names gets that user's rights; one that a user's file names keeps the latter's.
  if (rights === undefined && status.uid !== 0) {
    rights = lookupUser(status.uid);
    if (rights === undefined) {
      deps.log.warning(`cannot find username for uid ${status.uid}`);
      deps.log.warning(`${path}: cannot find :include: file owner username`);
      return await deferred(context, state, { status: "4.3.5", reason: MISCONFIGURED });
    }
  }
  // From now on mail for local users becomes a new message, so that each has a status of its own.
  state = { ...state, owner: state.owner ?? state.recipient.address };
  if (!settings.propagate.has("include")) state = { ...state, unmatched: undefined };
  let text: string;
  try {
    text = readAs(rights, path, (opened) => {
      if (!opened.isFile()) throw new Error("not a regular file");
    });
  } catch (error) {
    return await refused(`cannot open include file ${path}: ${systemReason(error)}`);
  }
  return (await context.steps.lines(context, state, rights, text)).finished;
}
