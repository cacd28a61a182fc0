import { ByteBuffer } from "../../core/bytes/mod.ts";
import { mailDate } from "../../core/message/mod.ts";
import { appendTextRecord, RecordType } from "../../core/queue/mod.ts";
import type { CleanupMessage, CleanupService } from "./types.ts";

/** A message that the mail system itself sends: a notice, a probe. */
export interface InternalMail {
  /** `CleanupFlag`. */
  readonly flags: number;
  /** `DeliveryFlag`, for what is no ordinary mail. */
  readonly traceFlags: number;
  readonly sender: string;
  readonly recipient: string;
  /** Who sends it, for `Received:`. */
  readonly hostname: string;
  readonly mailName: string;
  /** Header lines behind `Date:`. */
  readonly headers?: readonly string[];
  /** Content records behind these. */
  readonly content?: Iterable<Uint8Array>;
}

/** Queues a message and returns its queue id once it is on disk. Throws an `Error` that says why if it was not taken. */
export async function queueInternalMail(cleanup: CleanupService, mail: InternalMail): Promise<string> {
  const message = cleanup.begin(mail.flags);
  return await completeMessage(message, async () => {
    const now = Date.now();
    const date = mailDate(now / 1000);
    const out = new ByteBuffer(1024);
    const put = (type: number, text: string) => appendTextRecord(out, type, text);
    put(RecordType.Time, timeText(now));
    put(RecordType.Attribute, "log_message_origin=local");
    put(RecordType.Attribute, `trace_flags=${mail.traceFlags}`);
    put(RecordType.Sender, mail.sender);
    put(RecordType.Recipient, mail.recipient);
    put(RecordType.Message, "");
    put(RecordType.Normal, `Received: by ${mail.hostname} (${mail.mailName})`);
    put(RecordType.Normal, `\tid ${message.queueId}; ${date}`);
    put(RecordType.Normal, `Date: ${date}`);
    for (const line of mail.headers ?? []) put(RecordType.Normal, line);
    await message.write(out.view());
    for (const piece of mail.content ?? []) await message.write(piece);
    out.clear();
    put(RecordType.Extracted, "");
    put(RecordType.End, "");
    await message.write(out.view());
  });
}

/**
 * Writes a message and returns its queue id once it is on disk. Throws what `write` throws, and an `Error` that says why
 * if the message was not taken; nothing of it is left then.
 */
export async function completeMessage(message: CleanupMessage, write: () => Promise<void>): Promise<string> {
  try {
    await write();
  } catch (error) {
    message.abort();
    throw error;
  }
  const { status, reason } = await message.finish();
  if (status !== 0) throw new Error(`cleanup did not take it: status ${status} ${reason}`.trim());
  return message.queueId;
}

/** A time record's value, for milliseconds since the epoch. */
export function timeText(milliseconds: number): string {
  return `${Math.floor(milliseconds / 1000)} ${(milliseconds % 1000) * 1000}`;
}
