import type { Config } from "../../core/config/mod.ts";
import { CleanupFlag, type CleanupService, queueInternalMail } from "../cleanup/mod.ts";
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

/** What a message of the bounce service says, and to whom. */
export interface Notice {
  readonly sender: string;
  readonly recipient: string;
  /** `sendopts` of the message that it is about. */
  readonly sendopts: number;
  /** Content records from the first own header on. */
  readonly content: Iterable<Uint8Array>;
}

/**
 * Hands a notice to cleanup and returns its queue id once it is on disk. Throws an `Error` that says why if it was not
 * accepted.
 */
export async function postMail(
  cleanup: CleanupService,
  settings: MailSettings,
  notice: Notice,
): Promise<string> {
  const { sender, recipient, sendopts, content } = notice;
  const { hostname, mailName } = settings;
  const requiresTls = (sendopts & SendOption.RequireTls) !== 0;
  const needsNoTls = !requiresTls && (sendopts & SendOption.TlsNotRequired) !== 0;
  const flags = CleanupFlag.Map |
    (settings.filtered ? CleanupFlag.Filter | CleanupFlag.Milter : 0) |
    ((sendopts & SendOption.Smtputf8) !== 0 ? CleanupFlag.Smtputf8 : 0) |
    (settings.detectUtf8 ? CleanupFlag.AutoUtf8 : 0) |
    (requiresTls && !settings.redactRequireTls ? CleanupFlag.RequireTls : 0);
  return await queueInternalMail(cleanup, {
    flags,
    traceFlags: 0,
    sender,
    recipient,
    hostname,
    mailName,
    headers: settings.tlsRequiredHeader && needsNoTls ? ["TLS-Required: no"] : [],
    content,
  });
}
