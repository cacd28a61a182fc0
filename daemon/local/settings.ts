import { type Config, ConfigError } from "../../core/config/types.ts";
import { lookupUser } from "../../core/system/mod.ts";
import { exportedEnvironment } from "../command/mod.ts";
import { type MailboxSettings, mailboxSettings, type OriginalTo, originalToLines } from "../mailbox/mod.ts";

/** Where an address came from; decides what it may name (`allow_mail_to_commands`, `allow_mail_to_files`). */
export type ExpansionKind = "alias" | "forward" | "include";

/** Contexts of `prepend_delivered_header`. */
export type DeliveredContext = "command" | "file" | "forward";

/** Everything local needs from main.cf, read once per configuration snapshot. */
export interface LocalSettings {
  readonly hostname: string;
  readonly mailName: string;
  readonly mailbox: MailboxSettings;
  readonly mailSpoolDirectory: string;
  readonly homeMailbox: string;
  readonly mailboxCommand: string;
  readonly mailboxTransport: string;
  readonly fallbackTransport: string;
  readonly luserRelay: string;
  readonly forwardPath: string;
  readonly executionDirectory: string;
  readonly commandShell: string;
  readonly commandFilter: string;
  readonly forwardFilter: string;
  readonly directoryFilter: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Seconds. */
  readonly commandTimeLimit: number;
  readonly allowCommands: ReadonlySet<string>;
  readonly allowFiles: ReadonlySet<string>;
  readonly prependDelivered: ReadonlySet<string>;
  readonly originalTo: OriginalTo;
  /** `smtputf8_enable`: UTF-8 in what commands say is shown as it is. */
  readonly utf8: boolean;
  readonly propagate: ReadonlySet<string>;
  readonly ownerRequestSpecial: boolean;
  readonly expandOwnerAlias: boolean;
  readonly resetOwnerAlias: boolean;
  readonly frozenDeliveredTo: boolean;
  readonly requireHome: boolean;
  readonly biff: boolean;
  readonly duplicateLimit: number;
  readonly lineLimit: number;
  readonly queueDirectory: string;
  /** Is UTF-8 in forwarded mail detected? */
  readonly detectUtf8: boolean;
  /** `default_privs`: rights for files and commands that belong to no user. */
  readonly defaultRights: { readonly uid: number; readonly gid: number };
}

function defaultRights(config: Config): { uid: number; gid: number } {
  const name = config.string("default_privs");
  const origin = config.origin("default_privs");
  const user = lookupUser(name);
  if (user === undefined) throw new ConfigError(`default_privs = ${name}: there is no such user`, origin);
  if (user.uid === 0 || user.gid === 0) {
    throw new ConfigError(`default_privs = ${name}: must not have root's rights`, origin);
  }
  return { uid: user.uid, gid: user.gid };
}

/** A parameter as written: local expands its `$names` itself, for each recipient. */
function unexpanded(config: Config, name: string): string {
  return config.raw(name) ?? "";
}

/** Reads them. Throws `ConfigError`. */
export function readSettings(config: Config): LocalSettings {
  const set = (name: string) => new Set(config.list(name).map((item) => item.toLowerCase()));
  return {
    hostname: config.string("myhostname"),
    mailName: config.string("mail_name"),
    mailbox: mailboxSettings(config, "local"),
    mailSpoolDirectory: config.string("mail_spool_directory"),
    homeMailbox: config.string("home_mailbox"),
    mailboxCommand: unexpanded(config, "mailbox_command"),
    mailboxTransport: config.string("mailbox_transport"),
    fallbackTransport: config.string("fallback_transport"),
    luserRelay: unexpanded(config, "luser_relay"),
    forwardPath: unexpanded(config, "forward_path"),
    executionDirectory: unexpanded(config, "command_execution_directory"),
    commandShell: config.string("local_command_shell"),
    commandFilter: config.string("command_expansion_filter"),
    forwardFilter: config.string("forward_expansion_filter"),
    directoryFilter: config.string("execution_directory_expansion_filter"),
    environment: exportedEnvironment(config),
    commandTimeLimit: config.seconds("command_time_limit"),
    allowCommands: set("allow_mail_to_commands"),
    allowFiles: set("allow_mail_to_files"),
    prependDelivered: set("prepend_delivered_header"),
    originalTo: originalToLines(config),
    utf8: config.bool("smtputf8_enable"),
    propagate: set("propagate_unmatched_extensions"),
    ownerRequestSpecial: config.bool("owner_request_special"),
    expandOwnerAlias: config.bool("expand_owner_alias"),
    resetOwnerAlias: config.bool("reset_owner_alias"),
    frozenDeliveredTo: config.bool("frozen_delivered_to"),
    requireHome: config.bool("require_home_directory"),
    biff: config.bool("biff"),
    duplicateLimit: config.int("duplicate_filter_limit"),
    lineLimit: config.int("line_length_limit"),
    queueDirectory: config.string("queue_directory"),
    detectUtf8: ["all", "forward"].some((name) => config.list("smtputf8_autodetect_classes").includes(name)),
    defaultRights: defaultRights(config),
  };
}
