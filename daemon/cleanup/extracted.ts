/** The last part of the stream: what was found in the content, and recipients that came late. */
import { Notify, RecordType } from "../../core/queue/types.ts";
import { writeRecipient } from "./recipients.ts";
import { appendRecordHead, appendTextRecord } from "./records.ts";
import type { MessageState } from "./state.ts";
import { CleanupFlag, CleanupStatus } from "./types.ts";

/** Opens the extracted segment and writes what the content stage found out. */
export function startExtracted(state: MessageState): void {
  state.extractedOffset = state.writer.offset;
  const { tail } = state;
  appendRecordHead(tail, RecordType.Extracted, 0);
  if (state.filter !== undefined) appendTextRecord(tail, RecordType.Filter, state.filter);
  if (state.redirect !== undefined) appendTextRecord(tail, RecordType.Redirect, state.redirect);
  const encoding = state.attributes.get("encoding");
  if (encoding !== undefined) appendTextRecord(tail, RecordType.Attribute, `encoding=${encoding}`);
}

/** The `E` record: automatic recipients are added and the segment closed. */
export async function finishExtracted(state: MessageState): Promise<void> {
  const { settings, deps } = state.context;
  if (state.recipient === undefined) return state.refuse(CleanupStatus.NoRecipients);
  if ((state.flags & CleanupFlag.Bcc) !== 0 && settings.alwaysBcc !== "") {
    const address = await deps.rewriting.rewrite(settings.alwaysBcc, "local");
    writeRecipient(state, {
      address,
      original: settings.alwaysBcc,
      dsnOriginal: undefined,
      notify: Notify.Never,
    });
  }
  appendRecordHead(state.tail, RecordType.End, 0);
}
