import { deliveredTo, fromLine, returnPath, type TextForm } from "../mailbox/mod.ts";
import type { DeliveredContext } from "./settings.ts";
import type { Context, State } from "./state.ts";

/** The header lines that a delivery puts in front (local(8)). */
function headers(context: Context, state: State, purpose: DeliveredContext): string[] {
  return [
    returnPath(state.sender),
    ...context.settings.originalTo(state.recipient.original),
    ...(context.settings.prependDelivered.has(purpose) ? [deliveredTo(state.delivered)] : []),
  ];
}

/** Bare, as in a Maildir. */
export function maildirForm(context: Context, state: State): TextForm {
  return { prepend: headers(context, state, "file") };
}

/** As in an mbox file. */
export function mboxForm(context: Context, state: State): TextForm {
  const prepend = [fromLine(state.sender || "MAILER-DAEMON"), ...headers(context, state, "file")];
  return { prepend, quoteFrom: true, blankLine: true };
}

/** As commands get it: with a `From ` line and nothing else of an mbox file. */
export function commandForm(context: Context, state: State): TextForm {
  return { prepend: [fromLine(state.sender || "MAILER-DAEMON"), ...headers(context, state, "command")] };
}
