import { decodeText } from "../../core/bytes/mod.ts";
import { type Config, ConfigError } from "../../core/config/mod.ts";
import { builtinTemplates, parseTemplates, type Templates } from "../../core/dsn/mod.ts";
import { reasonOf } from "../../core/errors/mod.ts";
import { type MailSettings, readMailSettings } from "./post.ts";

/** What the bounce service reads from main.cf. */
export interface BounceSettings extends MailSettings {
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
  readonly templates: Templates;
}

/**
 * Reads the settings and the template file; what is wrong with that is told to `warn`.
 * Throws `ConfigError` if the file can't be read.
 */
export function readSettings(config: Config, warn: (text: string) => void): BounceSettings {
  const hostname = config.string("myhostname");
  const doubleBounce = config.string("double_bounce_sender");
  return {
    ...readMailSettings(config, "bounce"),
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
    templates: loadTemplates(config, warn),
  };
}

/** The templates that `bounce_template_file` names, or the built-in ones. */
function loadTemplates(
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
    throw new ConfigError(`open ${path}: ${reasonOf(error)}`, config.origin("bounce_template_file"));
  }
  return parseTemplates(text, path, warn, builtin);
}
