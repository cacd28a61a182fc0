import { RecordType } from "./types.ts";

/** Names of record types as postcat(1) prints them. `L` is named apart: it means something else in content. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [RecordType.Size, "message_size"],
  [RecordType.Time, "message_arrival_time"],
  [RecordType.Attribute, "named_attribute"],
  [RecordType.CreateTime, "queue_file_create_time"],
  [RecordType.FullName, "sender_fullname"],
  [RecordType.Inspector, "content_inspector"],
  [RecordType.Filter, "content_filter"],
  [RecordType.Sender, "sender"],
  [RecordType.Recipient, "recipient"],
  [RecordType.Done, "done_recipient"],
  [RecordType.Canceled, "canceled_recipient"],
  [RecordType.OriginalRecipient, "original_recipient"],
  [RecordType.Warning, "warning_message_time"],
  [RecordType.Killed, "killed_record"],
  [RecordType.Redirect, "redirect_to"],
  [RecordType.Verp, "verp_delimiters"],
  [RecordType.Message, "message_content"],
  [RecordType.Normal, "regular_text"],
  [RecordType.Padding, "padding"],
  [RecordType.Pointer, "pointer_record"],
  [RecordType.Extracted, "extracted_info"],
  [RecordType.End, "message_end"],
  [RecordType.DsnReturn, "dsn_return_flags"],
  [RecordType.DsnEnvelopeId, "dsn_envelope_id"],
  [RecordType.DsnOriginalRecipient, "dsn_original_recipient"],
  [RecordType.DsnNotify, "dsn_notify_flags"],
  [RecordType.ReturnReceipt, "return_receipt"],
  [RecordType.ErrorsTo, "errors_to"],
  [RecordType.Priority, "priority"],
]);

/** What a record type is called. @param inContent the record stands between `M` and `X` */
export function recordTypeName(type: number, inContent: boolean): string {
  if (inContent && type === RecordType.Continued) return "unterminated_text";
  return NAMES.get(type) ?? "unknown_record_type";
}
