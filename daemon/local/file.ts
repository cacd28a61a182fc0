import { QueueFileError } from "../../core/queue/types.ts";
import { appendToMbox, deliverToMaildir, MailboxError, type MboxDelivery } from "../mailbox/mod.ts";
import { isDamage } from "../delivery/mod.ts";
import { bouncedToOwner } from "./owner.ts";
import { isProbe } from "./resolve.ts";
import {
  bounced,
  type Context,
  deferred,
  delivering,
  firstTime,
  sent,
  type State,
  type UserRights,
} from "./state.ts";
import { maildirForm, mboxForm } from "./text_form.ts";

/** The status for a file or directory that can't be used, where the error does not say more. */
export const STANDARD = "5.2.0";

/** Whose a file is, or whose rights it is written with. */
interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Whose rights a file or command gets: never root's. */
export function rightsFor(context: Context, rights: UserRights | undefined): Owner {
  return rights === undefined || rights.uid === 0 ? context.settings.defaultRights : rights;
}

/** Delivers to `/file/name` or, with a `/` at the end, to a Maildir, as an alias or a .forward file asks. */
export async function deliverToFile(
  context: Context,
  before: State,
  rights: UserRights | undefined,
  path: string,
): Promise<boolean> {
  const { uid, gid } = rightsFor(context, rights);
  if (!firstTime(context, `file ${uid} ${path}`)) return true;
  const state = { ...before, level: before.level + 1 };
  if (isProbe(context)) {
    return await sent(context, state, { status: "2.0.0", reason: `delivers to file: ${path}` });
  }
  if (path.endsWith("/")) return await deliverToDirectory(context, state, { uid, gid }, path);
  return await delivering(context, state, async (written) => {
    try {
      await appendMessage(context, state, {
        path,
        user: { uid, gid, groups: [gid] },
        written,
        lockWarning: (text) => context.deps.log.warning(text),
        accept({ status }) {
          if (status.isFile() && (status.mode & 0o111) !== 0) {
            throw new MailboxError("5.7.1", "file is executable");
          }
        },
      });
    } catch (error) {
      return await failedFile(context, state, error, `cannot append message to file ${path}: `);
    }
    return await sent(context, state, { status: "2.0.0", reason: `delivered to file: ${path}` });
  });
}

/** Appends the message to an mbox file; the rest is the same for all of them. Resolves and throws as `appendToMbox`. */
export function appendMessage(
  context: Context,
  state: State,
  file: Pick<MboxDelivery, "path" | "user" | "opener" | "written" | "lockWarning" | "accept">,
): Promise<number> {
  const { settings, request, content } = context;
  return appendToMbox({
    ...file,
    settings: settings.mailbox,
    reader: content.read(),
    form: mboxForm(context, state),
    messageSize: request.messageSize,
    standard: STANDARD,
  });
}

/** Delivers to a Maildir. @param path ends in `/` */
export async function deliverToDirectory(
  context: Context,
  state: State,
  { uid, gid }: Owner,
  path: string,
): Promise<boolean> {
  if (isProbe(context)) {
    return await sent(context, state, { status: "2.0.0", reason: "delivers to maildir" });
  }
  return await delivering(context, state, async (written) => {
    const { deps, settings } = context;
    try {
      await deliverToMaildir({
        directory: path.slice(0, -1),
        user: { uid, gid, groups: [gid] },
        reader: context.content.read(),
        form: maildirForm(context, state),
        sizeLimit: settings.mailbox.sizeLimit,
        standard: STANDARD,
        warn: (text) => deps.log.warning(text),
        sync: deps.sync,
        written,
      });
    } catch (error) {
      return await failedFile(context, state, error, "maildir delivery failed: ");
    }
    return await sent(context, state, { status: "2.0.0", reason: "delivered to maildir" });
  });
}

/** The recipient's fate after a mailbox that could not be written; other errors go on. */
export async function failedFile(
  context: Context,
  state: State,
  error: unknown,
  what: string,
): Promise<boolean> {
  if (error instanceof QueueFileError && !isDamage(error)) {
    return await deferred(context, state, { status: "4.3.0", reason: error.message });
  }
  if (!(error instanceof MailboxError)) throw error;
  const detail = { status: error.status, reason: what + error.reason };
  if (error.status.startsWith("4")) return await deferred(context, state, detail);
  return state.kind === undefined
    ? await bounced(context, state, detail)
    : await bouncedToOwner(context, state, detail);
}
