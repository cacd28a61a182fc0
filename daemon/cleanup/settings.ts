import { type Config, ConfigError } from "../../core/config/types.ts";
import { knownHeaderByName } from "../../core/message/mod.ts";
import type { TableList, TableSet } from "../../core/table/mod.ts";

/** Everything cleanup needs from main.cf, read once per configuration snapshot. */
export interface Settings {
  readonly myhostname: string;
  readonly delayWarningTime: number;
  readonly verpDelimiterFilter: string;
  readonly enableOriginalRecipient: boolean;
  readonly duplicateFilterLimit: number;
  readonly attributeCountLimit: number;
  readonly messageSizeLimit: number;
  readonly longQueueIds: boolean;
  readonly verpBounces: boolean;
  readonly alwaysBcc: string;
  /** `info_log_address_format`: quoted form in the log? */
  readonly externalAddressLog: boolean;

  readonly hopcountLimit: number;
  readonly headerSizeLimit: number;
  readonly alwaysAddMissingHeaders: boolean;
  readonly undisclosedRecipientsHeader: string;
  readonly remoteHeaderRewriteDomain: string;
  /** Lower case. */
  readonly dropHeaders: ReadonlySet<string>;
  /** Are there names in it that mean nothing otherwise? */
  readonly dropsUnknownHeaders: boolean;
  readonly obsoleteFromFormat: boolean;
  readonly fullNameCharset: string;
  readonly tlsRequiredHeader: boolean;
  readonly requireTlsHeader: boolean;
  readonly rejectNonEmptyEndOfHeader: boolean;

  readonly disableMime: boolean;
  readonly mimeBoundaryLengthLimit: number;
  readonly mimeNestingLimit: number;
  readonly strict7bitHeaders: boolean;
  readonly strict8bitBody: boolean;
  readonly strictEncodingDomain: boolean;
  readonly detect8bitEncoding: boolean;
  readonly replaceStrayCrLf: boolean;
  readonly rejectCharacters: ReadonlySet<number> | undefined;
  readonly stripCharacters: ReadonlySet<number> | undefined;

  readonly checks: Checks;
}

/** The tables of header_checks(5); undefined where there are none. */
export interface Checks {
  readonly header: TableList | undefined;
  readonly mime: TableList | undefined;
  readonly nested: TableList | undefined;
  readonly body: TableList | undefined;
  readonly bodySizeLimit: number;
}

/** Reads them. Throws `ConfigError` and `TableError`. */
export function readSettings(config: Config, tables: Pick<TableSet, "list">): Settings {
  const strict = config.bool("strict_8bitmime");
  const dropHeaders = new Set(config.list("message_drop_headers").map((name) => name.toLowerCase()));
  return {
    myhostname: config.string("myhostname"),
    delayWarningTime: config.seconds("delay_warning_time"),
    verpDelimiterFilter: config.string("verp_delimiter_filter"),
    enableOriginalRecipient: config.bool("enable_original_recipient"),
    duplicateFilterLimit: config.int("duplicate_filter_limit"),
    attributeCountLimit: config.int("queue_file_attribute_count_limit"),
    messageSizeLimit: config.int("message_size_limit"),
    longQueueIds: config.bool("enable_long_queue_ids"),
    verpBounces: !config.bool("disable_verp_bounces"),
    alwaysBcc: config.string("always_bcc"),
    externalAddressLog: config.string("info_log_address_format") !== "internal",

    hopcountLimit: config.int("hopcount_limit"),
    headerSizeLimit: config.int("header_size_limit"),
    alwaysAddMissingHeaders: config.bool("always_add_missing_headers"),
    undisclosedRecipientsHeader: config.string("undisclosed_recipients_header"),
    remoteHeaderRewriteDomain: config.string("remote_header_rewrite_domain"),
    dropHeaders,
    dropsUnknownHeaders: [...dropHeaders].some((name) => knownHeaderByName(name) === undefined),
    obsoleteFromFormat: oneOf(config, "header_from_format", ["standard", "obsolete"]) === "obsolete",
    fullNameCharset: config.string("full_name_encoding_charset"),
    tlsRequiredHeader: config.bool("tls_required_enable"),
    requireTlsHeader: config.bool("requiretls_enable") && config.bool("requiretls_esmtp_header"),
    rejectNonEmptyEndOfHeader:
      oneOf(config, "non_empty_end_of_header_action", ["fix_quietly", "add_header", "reject"]) === "reject",

    disableMime: config.bool("disable_mime_input_processing"),
    mimeBoundaryLengthLimit: config.int("mime_boundary_length_limit"),
    mimeNestingLimit: config.int("mime_nesting_limit"),
    strict7bitHeaders: strict || config.bool("strict_7bit_headers"),
    strict8bitBody: strict || config.bool("strict_8bitmime_body"),
    strictEncodingDomain: config.bool("strict_mime_encoding_domain"),
    detect8bitEncoding: config.bool("detect_8bit_encoding_header"),
    replaceStrayCrLf: config.bool("cleanup_replace_stray_cr_lf"),
    rejectCharacters: characterSet(config, "message_reject_characters"),
    stripCharacters: characterSet(config, "message_strip_characters"),

    checks: {
      header: checkMaps(config, tables, "header_checks"),
      mime: checkMaps(config, tables, "mime_header_checks"),
      nested: checkMaps(config, tables, "nested_header_checks"),
      body: checkMaps(config, tables, "body_checks"),
      bodySizeLimit: config.int("body_checks_size_limit"),
    },
  };
}

/** What main.cf asks for and this program does not do; one sentence each. */
export function unsupportedSettings(config: Config): string[] {
  const complaints: string[] = [];
  if (config.list("non_smtpd_milters").length > 0) {
    complaints.push("non_smtpd_milters is not supported: mail that does not come by SMTP passes no Milter");
  }
  if (config.bool("force_mime_input_conversion")) {
    complaints.push("force_mime_input_conversion is not supported: 8-bit mail is kept as it is");
  }
  if (config.string("non_empty_end_of_header_action") === "add_header") {
    complaints.push("non_empty_end_of_header_action = add_header is not supported: using fix_quietly");
  }
  return complaints;
}

function checkMaps(config: Config, tables: Pick<TableSet, "list">, parameter: string): TableList | undefined {
  const list = tables.list(config.string(parameter), { foldCase: false, utf8: false }, parameter);
  return list.isEmpty ? undefined : list;
}

function oneOf(config: Config, parameter: string, choices: readonly string[]): string {
  const value = config.string(parameter);
  if (choices.includes(value)) return value;
  throw new ConfigError(
    `bad ${parameter} setting "${value}": specify one of ${choices.join(", ")}`,
    config.origin(parameter),
  );
}

const ESCAPES: Record<string, number> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** A set of octets written with the escapes of C: `\0 \t \177 x`. Undefined if empty. */
function characterSet(config: Config, parameter: string): ReadonlySet<number> | undefined {
  const set = new Set<number>();
  for (const match of config.string(parameter).matchAll(/\\([0-7]{1,3}|[\s\S])|([\s\S])/g)) {
    const [, escaped, plain] = match;
    if (plain !== undefined) set.add(plain.charCodeAt(0) & 0xff);
    else if (/^[0-7]/.test(escaped!)) set.add(parseInt(escaped!, 8) & 0xff);
    else set.add(ESCAPES[escaped!] ?? (escaped!.charCodeAt(0) & 0xff));
  }
  return set.size === 0 ? undefined : set;
}
