/** The last part of the stream: what was found in the content, and recipients that came late. */
import { appendRecordHeader, appendTextRecord, RecordType } from "../../core/queue/mod.ts";
import { addBccRecipient } from "./recipients.ts";
import type { MessageState } from "./state.ts";
import { CleanupFlag } from "./types.ts";

/** Opens the extracted segment and writes what the content stage found out. */
export function startExtracted(state: MessageState): void {
  state.extractedOffset = state.writer.offset;
  const { tail } = state;
  state.inRecipients = false;
  appendRecordHeader(tail, RecordType.Extracted, 0);
  if (state.filter !== undefined) appendTextRecord(tail, RecordType.Filter, state.filter);
  if (state.redirect !== undefined) appendTextRecord(tail, RecordType.Redirect, state.redirect);
  const encoding = state.attributes.get("encoding");
  if (encoding !== undefined) appendTextRecord(tail, RecordType.Attribute, `encoding=${encoding}`);
  if (state.messageId !== undefined) {
    appendTextRecord(tail, RecordType.Attribute, `message_id=${state.messageId}`);
  }
}

/** The `E` record: automatic recipients are added and the segment closed. */
export async function finishExtracted(state: MessageState): Promise<void> {
  const { settings } = state.context;
  if (state.recipient !== undefined) {
    if ((state.flags & CleanupFlag.Bcc) !== 0 && settings.alwaysBcc !== "") {
      await addBccRecipient(state, settings.alwaysBcc);
    }
    for (const copy of state.bccRecipients) await addBccRecipient(state, copy);
  }
  appendRecordHeader(state.tail, RecordType.End, 0);
}
