import { decodeText } from "../../core/bytes/mod.ts";
import { type Config, ConfigError } from "../../core/config/mod.ts";
import { builtinTemplates, parseTemplates, type Templates } from "../../core/dsn/mod.ts";

/** What the bounce service reads from main.cf. */
export interface BounceSettings {
  readonly hostname: string;
  /** For `Received:`. */
  readonly mailName: string;
  /** For `X-Postfix-...:` fields: programs that read bounces look for that name. */
  readonly fieldName: string;
  /** What notices call the null sender. */
  readonly daemonAddress: string;
  readonly doubleBounceSender: string;
  readonly bounceNoticeRecipient: string;
  readonly twiceBouncedRecipient: string;
  readonly delayNoticeRecipient: string;
  /** `notify_classes`. */
  readonly notify: ReadonlySet<string>;
  readonly sizeLimit: number;
  /** Seconds. */
  readonly queueLifetime: number;
  readonly utf8: boolean;
  /** Notices about mail with REQUIRETLS travel without that demand, and tell little (`requiretls_redact_dsn`). */
  readonly redactRequireTls: boolean;
  /** Notices carry `TLS-Required: no` on (`tls_required_enable`). */
  readonly tlsRequiredHeader: boolean;
  /** Header checks and Milters see notices (`internal_mail_filter_classes`). */
  readonly filtered: boolean;
  /** Notices are searched for UTF-8 (`smtputf8_autodetect_classes`). */
  readonly detectUtf8: boolean;
  readonly templates: Templates;
}

/**
 * Reads the settings and the template file; what is wrong with that is told to `warn`.
 * Throws `ConfigError` if the file can't be read.
 */
export function readSettings(config: Config, warn: (text: string) => void): BounceSettings {
  const hostname = config.string("myhostname");
  const doubleBounce = config.string("double_bounce_sender");
  const detect = config.list("smtputf8_autodetect_classes");
  return {
    hostname,
    mailName: config.string("mail_name"),
    fieldName: config.isSet("mail_name") ? config.string("mail_name") : "Postfix",
    daemonAddress: `MAILER-DAEMON@${hostname}`,
    doubleBounceSender: doubleBounce.includes("@") ? doubleBounce : `${doubleBounce}@${hostname}`,
    bounceNoticeRecipient: config.string("bounce_notice_recipient"),
    twiceBouncedRecipient: config.string("2bounce_notice_recipient"),
    delayNoticeRecipient: config.string("delay_notice_recipient"),
    notify: new Set(config.list("notify_classes")),
    sizeLimit: config.int("bounce_size_limit"),
    queueLifetime: config.seconds("maximal_queue_lifetime"),
    utf8: config.bool("smtputf8_enable"),
    redactRequireTls: config.bool("requiretls_redact_dsn"),
    tlsRequiredHeader: config.bool("tls_required_enable"),
    filtered: config.list("internal_mail_filter_classes").includes("bounce"),
    detectUtf8: detect.includes("all") || detect.includes("bounce"),
    templates: loadTemplates(config, warn),
  };
}

/** The templates that `bounce_template_file` names, or the built-in ones. */
export function loadTemplates(
  config: Config,
  warn: (text: string) => void,
  path: string = config.string("bounce_template_file"),
): Templates {
  const builtin = builtinTemplates(config);
  if (path === "") return builtin;
  let text: string;
  try {
    text = decodeText(Deno.readFileSync(path));
  } catch (error) {
    throw new ConfigError(
      `open ${path}: ${error instanceof Deno.errors.NotFound ? "No such file or directory" : error}`,
      config.origin("bounce_template_file"),
    );
  }
  return parseTemplates(text, path, warn, builtin);
}
