import { ByteBuffer } from "../../core/bytes/mod.ts";
import type { Config } from "../../core/config/mod.ts";
import { mailDate } from "../../core/message/mod.ts";
import { appendTextRecord, RecordType } from "../../core/queue/mod.ts";
import { CleanupFlag, type CleanupService } from "../cleanup/types.ts";
import { SendOption } from "../delivery/types.ts";

/** What messages of the mail system's own are made with. */
export interface MailSettings {
  readonly hostname: string;
  /** For `Received:`. */
  readonly mailName: string;
  /** Header checks and Milters see such messages (`internal_mail_filter_classes`). */
  readonly filtered: boolean;
  /** Such messages are searched for UTF-8 (`smtputf8_autodetect_classes`). */
  readonly detectUtf8: boolean;
  /** Notices about mail with REQUIRETLS travel without that demand, and tell little (`requiretls_redact_dsn`). */
  readonly redactRequireTls: boolean;
  /** Notices carry `TLS-Required: no` on (`tls_required_enable`). */
  readonly tlsRequiredHeader: boolean;
}

/** Reads them for one class of messages: `bounce`, `notify`. */
export function readMailSettings(config: Config, kind: "bounce" | "notify"): MailSettings {
  const detect = config.list("smtputf8_autodetect_classes");
  return {
    hostname: config.string("myhostname"),
    mailName: config.string("mail_name"),
    filtered: config.list("internal_mail_filter_classes").includes(kind),
    detectUtf8: detect.includes("all") || detect.includes(kind),
    redactRequireTls: config.bool("requiretls_redact_dsn"),
    tlsRequiredHeader: config.bool("tls_required_enable"),
  };
}

/** A message that the mail system itself sends. */
export interface InternalMail {
  readonly sender: string;
  readonly recipient: string;
  /** `sendopts` of the message that it is about. */
  readonly sendopts: number;
  /** Content records from the first own header on. */
  readonly content: Iterable<Uint8Array>;
}

/**
 * Hands a message to cleanup and returns its queue id once it is on disk. Throws an `Error` that says why if it was
 * not accepted.
 */
export async function postMail(
  cleanup: CleanupService,
  settings: MailSettings,
  mail: InternalMail,
): Promise<string> {
  const flags = CleanupFlag.Map |
    (settings.filtered ? CleanupFlag.Filter | CleanupFlag.Milter : 0) |
    ((mail.sendopts & 1) !== 0 ? CleanupFlag.Smtputf8 : 0) |
    (settings.detectUtf8 ? CleanupFlag.AutoUtf8 : 0);
  const { RequireTls, TlsNotRequired } = SendOption;
  const requiresTls = (mail.sendopts & RequireTls) !== 0;
  const message = cleanup.begin(
    requiresTls && !settings.redactRequireTls ? flags | CleanupFlag.RequireTls : flags,
  );
  try {
    const now = Date.now();
    const out = new ByteBuffer(1024);
    const put = (type: number, text: string) => appendTextRecord(out, type, text);
    put(RecordType.Time, `${Math.floor(now / 1000)} ${(now % 1000) * 1000}`);
    put(RecordType.Attribute, "log_message_origin=local");
    put(RecordType.Attribute, "trace_flags=0");
    put(RecordType.Sender, mail.sender);
    put(RecordType.Recipient, mail.recipient);
    put(RecordType.Message, "");
    const date = mailDate(now / 1000);
    put(RecordType.Normal, `Received: by ${settings.hostname} (${settings.mailName})`);
    put(RecordType.Normal, `\tid ${message.queueId}; ${date}`);
    put(RecordType.Normal, `Date: ${date}`);
    if (settings.tlsRequiredHeader && !requiresTls && (mail.sendopts & TlsNotRequired) !== 0) {
      put(RecordType.Normal, "TLS-Required: no");
    }
    await message.write(out.view());
    for (const piece of mail.content) await message.write(piece);
    out.clear();
    put(RecordType.Extracted, "");
    put(RecordType.End, "");
    await message.write(out.view());
  } catch (error) {
    message.abort();
    throw error;
  }
  const { status, reason } = await message.finish();
  if (status !== 0) {
    throw new Error(
      `cleanup did not take a notice to <${mail.recipient}>: status ${status} ${reason}`.trim(),
    );
  }
  return message.queueId;
}
