/** Senders and recipients on their way into the file: rewriting, expansion, automatic copies, duplicates. */
import { AddressMapError } from "../../core/address/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import { appendTextRecord, Notify, RecordType } from "../../core/queue/mod.ts";
import { TableError } from "../../core/table/mod.ts";
import { DeliveryFlag, SendOption } from "../delivery/types.ts";
import { logOutcome } from "./bounce.ts";
import type { MessageState } from "./state.ts";
import { CleanupFlag, CleanupStatus } from "./types.ts";

/** A recipient as the client named it. */
export interface NewRecipient {
  readonly address: string;
  /** What it was before local rewriting. */
  readonly original: string;
  /** `rfc822;joe@example.com`; undefined if none came with it: one is made up. Empty: none is wanted. */
  readonly dsnOriginal: string | undefined;
  readonly notify: number;
}

/** Takes the envelope sender: rewrites it and writes the `S` record. */
export async function setSender(state: MessageState, address: string): Promise<void> {
  const { rewriting } = state.context.deps;
  await guarded(state, async () => {
    state.sender = await rewriting.rewriteEnvelopeSender(address, state.mapping);
    detectUtf8(state, state.sender, SendOption.Smtputf8Sender);
    appendTextRecord(state.out, RecordType.Sender, state.sender);
    if ((state.flags & CleanupFlag.Bcc) === 0) return;
    const copy = await rewriting.senderBcc(state.sender);
    if (copy !== undefined) await addBccRecipient(state, copy);
  });
}

/** Takes one envelope recipient and writes its records, and those of its automatic copy. */
export async function addRecipient(state: MessageState, recipient: NewRecipient): Promise<void> {
  const { rewriting } = state.context.deps;
  await guarded(state, async () => {
    const { address, expanded } = await rewriting.rewriteRecipient(recipient.address, state.mapping);
    state.recipient = address;
    const utf8 = detectUtf8(state, address, 0);
    await writeExpanded(state, recipient, address, expanded, `${utf8 ? "utf-8" : "rfc822"};${address}`);
    if ((state.flags & CleanupFlag.Bcc) === 0) return;
    const copy = await rewriting.recipientBcc(address);
    if (copy !== undefined) await addBccRecipient(state, copy);
  });
}

/** Adds a recipient that nobody named (always_bcc, sender_bcc_maps, a BCC action): its sender hears nothing of it. */
export async function addBccRecipient(state: MessageState, copy: string): Promise<void> {
  await guarded(state, async () => {
    const { address, expanded } = await state.context.deps.rewriting.rewriteRecipient(copy, state.mapping);
    const recipient = { address, original: address, dsnOriginal: "", notify: Notify.Never };
    await writeExpanded(state, recipient, address, expanded, "");
  });
}

/** A table that can't answer, or an endless expansion, makes the client try again later. */
async function guarded(state: MessageState, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof AddressMapError && error.kind === "expansion") {
      state.warn(error.message);
      state.errors |= CleanupStatus.Defer;
      if (state.reason === "") state.reason = "4.6.0 Alias expansion error";
    } else if (error instanceof AddressMapError || error instanceof TableError) {
      state.warn(error.message);
      state.errors |= CleanupStatus.Write;
    } else throw error;
  }
}

// deno-lint-ignore no-control-regex -- the whole range of ASCII is meant
const ASCII = /^[\x00-\x7f]*$/;

/** Notes UTF-8 in an address, and that SMTPUTF8 is needed if that is to be found out. Is it treated as UTF-8? */
function detectUtf8(state: MessageState, text: string, option: number): boolean {
  if (ASCII.test(text) || !text.isWellFormed()) return false;
  state.sendopts |= option;
  if ((state.flags & CleanupFlag.AutoUtf8) !== 0) state.sendopts |= SendOption.Smtputf8;
  return (state.sendopts & SendOption.Smtputf8) !== 0;
}

async function writeExpanded(
  state: MessageState,
  recipient: NewRecipient,
  address: string,
  expanded: readonly string[],
  madeUp: string,
): Promise<void> {
  const dsnOriginal = recipient.dsnOriginal ?? madeUp;
  let notify = recipient.notify;
  const changed = expanded.length !== 1 || expanded[0] !== address;
  if (changed && (notify & Notify.Success) !== 0) {
    await reportExpansion(state, { ...recipient, address, dsnOriginal });
    // The sender was told about this recipient; what becomes of the members is not reported on success.
    notify = notify === Notify.Success ? Notify.Never : notify & ~Notify.Success;
  }
  if (expanded.length > 1 && await isAnswered(state, { ...recipient, address, dsnOriginal })) return;
  for (const member of expanded) {
    writeRecipient(state, { address: member, original: recipient.original, dsnOriginal, notify });
  }
}

/** A probe of an alias for several addresses ends here: which of them exist says nothing about the alias. */
async function isAnswered(
  state: MessageState,
  recipient: NewRecipient & { readonly dsnOriginal: string },
): Promise<boolean> {
  const { deliverable } = state.context.deps;
  const flags = Number(state.attributes.get("trace_flags") ?? 0);
  if (deliverable === undefined || (flags & DeliveryFlag.ProbeMta) === 0) return false;
  const reason = "aliased to multiple recipients";
  await deliverable(recipient.original || recipient.address, reason);
  logOutcome(state, { ...recipient, offset: -1 }, { dsn: "2.0.0", status: "deliverable", reason });
  state.flags |= CleanupFlag.Discard;
  return true;
}

/** RFC 3461, 5.2.7: success is reported as "expanded" when one address becomes several. */
async function reportExpansion(
  state: MessageState,
  recipient: NewRecipient & { readonly dsnOriginal: string },
): Promise<void> {
  const bounce = state.context.deps.bounce;
  if (bounce === undefined) return;
  try {
    await bounce.append(
      "trace",
      state.queueId,
      0,
      {
        address: recipient.address,
        original: recipient.original,
        dsnOriginal: recipient.dsnOriginal,
        notify: recipient.notify,
        offset: -1,
      },
      "expanded",
      { status: "2.0.0", reason: "alias expanded" },
    );
  } catch (error) {
    state.warn(`trace log for ${recipient.address}: ${messageOf(error)}`);
    state.errors |= CleanupStatus.Write;
  }
}

/** Writes a recipient's group of records unless the same one is there. */
function writeRecipient(
  state: MessageState,
  recipient: { address: string; original: string; dsnOriginal: string; notify: number },
): void {
  const { settings } = state.context;
  const { address, original, dsnOriginal, notify } = recipient;
  const key = settings.enableOriginalRecipient
    ? `${dsnOriginal}\n${notify}\n${original}\n${address}`
    : address;
  const folded = key.toLowerCase();
  if (state.seen.has(folded)) return;
  if (settings.duplicateFilterLimit === 0 || state.seen.size < settings.duplicateFilterLimit) {
    state.seen.add(folded);
  }
  const { out } = state;
  if (notify !== 0) appendTextRecord(out, RecordType.Attribute, `notify_flags=${notify}`);
  if (dsnOriginal !== "") appendTextRecord(out, RecordType.Attribute, `dsn_orig_rcpt=${dsnOriginal}`);
  appendTextRecord(out, RecordType.OriginalRecipient, original);
  appendTextRecord(out, RecordType.Recipient, address);
  state.recipientCount += 1;
}
