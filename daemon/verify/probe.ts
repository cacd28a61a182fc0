import { ByteBuffer } from "../../core/bytes/mod.ts";
import { mailDate } from "../../core/message/mod.ts";
import { appendTextRecord, RecordType } from "../../core/queue/mod.ts";
import { CleanupFlag, type CleanupService } from "../cleanup/types.ts";
import { DeliveryFlag } from "../delivery/types.ts";

/** What a probe says of the system that sends it. */
export interface ProbeOrigin {
  readonly hostname: string;
  readonly mailName: string;
}

/**
 * Queues a probe: a message without content that goes the way of real mail, up to where it would be delivered.
 * Rejects if cleanup does not take it.
 */
export async function sendProbe(
  cleanup: CleanupService,
  origin: ProbeOrigin,
  sender: string,
  recipient: string,
): Promise<void> {
  const message = cleanup.begin(CleanupFlag.Map);
  try {
    const now = Date.now();
    const out = new ByteBuffer(512);
    const put = (type: number, text: string) => appendTextRecord(out, type, text);
    put(RecordType.Time, `${Math.floor(now / 1000)} ${(now % 1000) * 1000}`);
    put(RecordType.Attribute, "log_message_origin=local");
    put(RecordType.Attribute, `trace_flags=${DeliveryFlag.ProbeMta}`);
    put(RecordType.Sender, sender);
    put(RecordType.Recipient, recipient);
    put(RecordType.Message, "");
    put(RecordType.Normal, `Received: by ${origin.hostname} (${origin.mailName})`);
    put(RecordType.Normal, `\tid ${message.queueId}; ${mailDate(now / 1000)}`);
    put(RecordType.Normal, `Date: ${mailDate(now / 1000)}`);
    put(RecordType.Extracted, "");
    put(RecordType.End, "");
    await message.write(out.view());
  } catch (error) {
    message.abort();
    throw error;
  }
  const { status, reason } = await message.finish();
  if (status !== 0) throw new Error(`cleanup did not take it: status ${status} ${reason}`.trim());
}
