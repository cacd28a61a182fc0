import { statSync } from "node:fs";
import { runSteps } from "../../core/address/mod.ts";
import { TableError } from "../../core/table/mod.ts";
import { MailboxError } from "../mailbox/mod.ts";
import { notifyBiff } from "./biff.ts";
import { deliverToCommand } from "./command.ts";
import { appendMessage, deliverToDirectory, failedFile, STANDARD } from "./file.ts";
import { passOn } from "./pass.ts";
import { isProbe } from "./resolve.ts";
import { type Context, deferred, delivering, firstTime, sent, type State, type UserRights } from "./state.ts";

const LOOKUP_FAILURE = { status: "4.3.0", reason: "table lookup failure" } as const;

/** Delivers into a user's mailbox, or the way that main.cf puts in its place; undefined if there is no such user. */
export async function deliverToUserMailbox(context: Context, before: State): Promise<boolean | undefined> {
  const { settings, deps } = context;
  const state = { ...before, level: before.level + 1 };
  if (!firstTime(context, `mailbox ${state.local}`)) return true;
  try {
    const transport = await runSteps(deps.maps.mailboxTransport.find(state.user));
    if (transport !== undefined) return await passOn(context, state, transport);
    if (settings.mailboxTransport !== "") return await passOn(context, state, settings.mailboxTransport);
    const user = deps.users.named(state.user);
    if (user === undefined) return undefined;
    const mapped = await runSteps(deps.maps.mailboxCommand.find(state.user));
    const command = mapped ?? settings.mailboxCommand;
    if (command !== "") return await deliverToCommand(context, state, user, command);
    const path = mailboxPath(context, user);
    return path.endsWith("/")
      ? await deliverToDirectory(context, delivered(context, state), user, path)
      : await deliverToMailboxFile(context, delivered(context, state), user, path);
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    return await deferred(context, state, LOOKUP_FAILURE);
  }
}

/** With `frozen_delivered_to = no` the final recipient goes into Delivered-To:. */
function delivered(context: Context, state: State): State {
  return context.settings.frozenDeliveredTo ? state : { ...state, delivered: state.recipient.address };
}

function mailboxPath({ settings }: Context, user: UserRights): string {
  const { homeMailbox, mailSpoolDirectory } = settings;
  if (homeMailbox !== "") return `${user.home}/${homeMailbox}`;
  return mailSpoolDirectory.endsWith("/")
    ? `${mailSpoolDirectory}${user.name}/`
    : `${mailSpoolDirectory}/${user.name}`;
}

/**
 * Who opens and locks the mailbox: the user, with the spool directory's group where that may write there, or root where
 * only root may (then nobody else can have put anything in the way).
 */
function openerOf({ settings }: Context, user: UserRights): { uid: number; gid: number } {
  if (settings.homeMailbox !== "") return user;
  try {
    const { mode, gid } = statSync(settings.mailSpoolDirectory);
    if ((mode & 0o002) !== 0) return user;
    return (mode & 0o020) !== 0 ? { uid: user.uid, gid } : { uid: 0, gid: 0 };
  } catch {
    return user;
  }
}

async function deliverToMailboxFile(
  context: Context,
  state: State,
  user: UserRights,
  path: string,
): Promise<boolean> {
  if (isProbe(context)) {
    return await sent(context, state, { status: "2.0.0", reason: "delivers to mailbox" });
  }
  const { deps, settings } = context;
  const opener = openerOf(context, user);
  return await delivering(context, state, async (written) => {
    let start: number;
    try {
      start = await appendMessage(context, state, {
        path,
        user: { uid: user.uid, gid: user.gid, groups: [user.gid] },
        opener: { ...opener, groups: [opener.gid] },
        written,
        accept({ status }) {
          if (!status.isFile()) {
            throw new MailboxError(STANDARD, `destination ${path} is not a regular file`);
          }
          if (settings.mailbox.strictOwnership && status.uid !== user.uid) {
            deps.log.warning('specify "strict_mailbox_ownership = no" to ignore mailbox ownership mismatch');
            throw new MailboxError("4.2.0", `destination ${path} is not owned by recipient`);
          }
        },
      });
    } catch (error) {
      const what = `cannot update mailbox ${path} for user ${user.name}. `;
      return await failedFile(context, state, error, what);
    }
    const problem = settings.biff ? notifyBiff(user.name, start) : undefined;
    if (problem !== undefined) deps.log.warning(problem);
    return await sent(context, state, { status: "2.0.0", reason: "delivered to mailbox" });
  });
}
