import { RecordType } from "./types.ts";

/** Splits `name=value`, blanks around both dropped; undefined without a `=` or a name. */
export function parseAttribute(text: string): { name: string; value: string } | undefined {
  const equals = text.indexOf("=");
  if (equals < 0) return undefined;
  const name = text.slice(0, equals).trim();
  return name === "" ? undefined : { name, value: text.slice(equals + 1).trim() };
}

/** Named attributes that stand for a record type of their own. */
const ATTRIBUTE_TYPES: ReadonlyMap<string, number> = new Map([
  ["dsn_orig_rcpt", RecordType.DsnOriginalRecipient],
  ["notify_flags", RecordType.DsnNotify],
  ["envelope_id", RecordType.DsnEnvelopeId],
  ["ret_flags", RecordType.DsnReturn],
  ["create_time", RecordType.CreateTime],
]);

/** The record type that an attribute stands for (`create_time` for `c`), if any. */
export function attributeRecordType(name: string): number | undefined {
  return ATTRIBUTE_TYPES.get(name);
}

/** The `T` payload: seconds and, usually, microseconds. */
export function parseTime(text: string): { seconds: number; micros: number } | undefined {
  const match = /^\s*(\d{1,15})(?:\s+(\d{1,9}))?\s*$/.exec(text);
  if (match === null) return undefined;
  return { seconds: Number(match[1]), micros: Number(match[2] ?? 0) };
}
