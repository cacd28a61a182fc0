/** Senders and recipients on their way into the file: rewriting, expansion, duplicates. */
import { RecordType } from "../../core/queue/types.ts";
import { appendTextRecord } from "./records.ts";
import type { MessageState } from "./state.ts";

/** A recipient as the client named it. */
export interface NewRecipient {
  readonly address: string;
  /** What it was before local rewriting. */
  readonly original: string;
  /** `rfc822;joe@example.com`; undefined if none came with it. */
  readonly dsnOriginal: string | undefined;
  readonly notify: number;
}

/** Takes the envelope sender: rewrites it and writes the `S` record. */
export async function setSender(state: MessageState, address: string): Promise<void> {
  const { rewriting } = state.context.deps;
  state.sender = address === "" ? "" : await rewriting.rewrite(address, "local");
  appendTextRecord(state.out, RecordType.Sender, state.sender);
}

/** Takes one envelope recipient and writes its records. */
export async function addRecipient(state: MessageState, recipient: NewRecipient): Promise<void> {
  const { deps: { rewriting }, settings } = state.context;
  const address = await rewriting.rewrite(recipient.address || settings.emptyAddressRecipient, "local");
  state.recipient = address;
  writeRecipient(state, {
    address,
    original: recipient.original,
    dsnOriginal: recipient.dsnOriginal ?? `rfc822;${address}`,
    notify: recipient.notify,
  });
}

/** Writes a recipient's group of records unless the same one is there. */
export function writeRecipient(state: MessageState, recipient: NewRecipient): void {
  const { settings } = state.context;
  const key = settings.enableOriginalRecipient
    ? `${recipient.dsnOriginal ?? ""}\n${recipient.notify}\n${recipient.original}\n${recipient.address}`
    : recipient.address;
  const folded = key.toLowerCase();
  if (state.seen.has(folded)) return;
  if (state.seen.size < settings.duplicateFilterLimit) state.seen.add(folded);
  const { out } = state;
  if (recipient.notify !== 0) {
    appendTextRecord(out, RecordType.Attribute, `notify_flags=${recipient.notify}`);
  }
  if (recipient.dsnOriginal !== undefined && recipient.dsnOriginal !== "") {
    appendTextRecord(out, RecordType.Attribute, `dsn_orig_rcpt=${recipient.dsnOriginal}`);
  }
  appendTextRecord(out, RecordType.OriginalRecipient, recipient.original);
  appendTextRecord(out, RecordType.Recipient, recipient.address);
  state.recipientCount += 1;
}
