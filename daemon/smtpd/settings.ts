import { type Config, ConfigError, inetFamilies } from "../../core/config/mod.ts";
import { type Families, type Reply, reply } from "../../core/smtp/mod.ts";
import { type MatchList, matchList, type TableList, type TableSet } from "../../core/table/mod.ts";
import { CleanupFlag, receiveOverride } from "../cleanup/mod.ts";
import { type NoticeSettings, readNoticeSettings } from "./notice_settings.ts";
import { type RefusalChanges, refusalChanges } from "./refusal_settings.ts";

/** `smtpd_forbid_bare_newline`: what a lone LF leads to. */
export type BareNewline = "no" | "normalize" | "reject" | "note";

/** What the configuration says, read once and kept for all sessions of a snapshot. */
export interface SmtpdSettings {
  readonly hostname: string;
  readonly mailName: string;
  readonly banner: string;
  readonly helloRequired: boolean;
  readonly strictEnvelopes: boolean;
  readonly disableVrfy: boolean;
  readonly smtputf8: boolean;
  readonly delayReject: boolean;
  readonly relayBeforeRecipient: boolean;
  readonly rejectUnlistedRecipient: boolean;
  readonly rejectUnlistedSender: boolean;
  readonly untrustedRouting: boolean;
  readonly messageSizeLimit: number;
  readonly queueMinFree: number;
  readonly recipientLimit: number;
  readonly recipientOvershoot: number;
  readonly softErrors: number;
  readonly hardErrors: number;
  readonly junkCommands: number;
  readonly errorSleep: number;
  readonly timeout: number;
  readonly starttlsTimeout: number;
  readonly perRequestDeadline: boolean;
  readonly minDataRate: number;
  readonly lineLimit: number;
  readonly bareNewline: BareNewline;
  readonly bareNewlineCode: number;
  readonly bareNewlineExclusions: MatchList;
  readonly forbidUnauthPipelining: boolean;
  readonly forbiddenCommands: MatchList;
  readonly noopCommands: MatchList;
  readonly mynetworks: MatchList;
  /** Clients with which every line of the conversation is logged. */
  readonly debugPeers: MatchList;
  readonly relayClientcerts: TableList;
  readonly discardKeywords: ReadonlySet<string>;
  readonly discardKeywordMaps: TableList;
  readonly lookupNames: boolean;
  readonly showPort: boolean;
  readonly hideClient: boolean;
  readonly authenticatedHeader: boolean;
  readonly delayOpen: boolean;
  readonly contentFilter: string;
  readonly cleanupFlags: number;
  readonly nullSenderKey: string;
  readonly parentDomains: boolean;
  readonly addressInLog: "external" | "internal";
  readonly limits: RateLimits;
  readonly commandFilter: TableList;
  readonly refusals: RefusalChanges | undefined;
  readonly notices: NoticeSettings | undefined;
  readonly xclientHosts: MatchList;
  readonly xforwardHosts: MatchList;
  readonly verpHosts: MatchList;
  /** `default_verp_delimiters`, and the characters that clients may choose. */
  readonly verpDelimiters: string;
  readonly verpFilter: string;
  /** Connections begin with a HAProxy header, for which there are so many seconds. */
  readonly upstreamProxyTimeout: number | undefined;
  /** `inet_protocols` */
  readonly families: Families;
  readonly proxyFilter: ProxyFilterSettings | undefined;
  /** RFC 8689 */
  readonly requireTls: boolean;
  readonly requireTlsHeader: boolean;
  readonly codes: ReplyCodes;
}

/** The content filter in front of the queue. */
export interface ProxyFilterSettings {
  /** `host:port`, `inet:host:port` or `unix:path`, as it stands in main.cf. */
  readonly endpoint: string;
  readonly heloName: string;
  readonly timeout: number;
  /** Takes the whole message before it talks to the filter. */
  readonly speedAdjust: boolean;
}

/** Per-client limits that anvil counts for; 0 is no limit. */
export interface RateLimits {
  readonly connectionCount: number;
  readonly connectionRate: number;
  readonly messageRate: number;
  readonly recipientRate: number;
  readonly exceptions: MatchList;
}

/** The `..._reject_code` parameters. */
export interface ReplyCodes {
  readonly accessDefer: number;
  readonly accessReject: number;
  readonly defer: number;
  readonly reject: number;
  readonly invalidHostname: number;
  readonly mapsRbl: number;
  readonly multiRecipientBounce: number;
  readonly nonFqdn: number;
  readonly plaintext: number;
  readonly relayDomains: number;
  readonly unknownAddress: number;
  readonly unknownClient: number;
  readonly unknownHostname: number;
}

/** `smtpd_discard_ehlo_keywords` as a set of lower-case keywords. */
export function keywordSet(words: readonly string[]): ReadonlySet<string> {
  return new Set(words.map((word) => word.toLowerCase()));
}

function upstreamProxyTimeout(config: Config): number | undefined {
  const protocol = config.string("smtpd_upstream_proxy_protocol");
  if (protocol === "") return undefined;
  if (protocol === "haproxy") return config.seconds("smtpd_upstream_proxy_timeout");
  throw new ConfigError(
    `unsupported smtpd_upstream_proxy_protocol value "${protocol}": use haproxy`,
    config.origin("smtpd_upstream_proxy_protocol"),
  );
}

function proxyFilter(config: Config): ProxyFilterSettings | undefined {
  const endpoint = config.string("smtpd_proxy_filter");
  if (endpoint === "") return undefined;
  const options = config.list("smtpd_proxy_options").map((word) => word.toLowerCase());
  const unknown = options.find((word) => word !== "speed_adjust");
  if (unknown !== undefined) {
    throw new ConfigError(
      `unknown smtpd_proxy_options value "${unknown}": use speed_adjust`,
      config.origin("smtpd_proxy_options"),
    );
  }
  return {
    endpoint,
    heloName: config.string("smtpd_proxy_ehlo"),
    timeout: config.seconds("smtpd_proxy_timeout"),
    speedAdjust: options.length > 0,
  };
}

function bareNewline(config: Config): BareNewline {
  const value = config.string("smtpd_forbid_bare_newline").toLowerCase();
  switch (value) {
    case "no":
    case "normalize":
    case "reject":
    case "note":
      return value;
    case "yes":
      return "normalize";
    default:
      throw new ConfigError(
        `bad parameter value: 'smtpd_forbid_bare_newline = ${value}': use yes, no, normalize, reject or note`,
        config.origin("smtpd_forbid_bare_newline"),
      );
  }
}

function cleanupFlags(config: Config): number {
  const { Filter, Bcc, Map, Milter, SmtpReply, AutoUtf8 } = CleanupFlag;
  const flags = receiveOverride(config, Filter | Bcc | Map | Milter | SmtpReply);
  const classes = config.list("smtputf8_autodetect_classes").map((word) => word.toLowerCase());
  return classes.includes("all") || classes.includes("smtpd") ? flags | AutoUtf8 : flags;
}

/** Reads the configuration. Throws `ConfigError` or `TableError` for what can't be used. */
export function readSettings(config: Config, tables: TableSet): SmtpdSettings {
  const list = (kind: "address" | "string", name: string) =>
    matchList(kind, config.string(name), tables, { name });
  const overrides = config.list("receive_override_options").map((word) => word.toLowerCase());
  return {
    hostname: config.string("myhostname"),
    mailName: config.string("mail_name"),
    banner: config.string("smtpd_banner"),
    helloRequired: config.bool("smtpd_helo_required"),
    strictEnvelopes: config.bool("strict_rfc821_envelopes"),
    disableVrfy: config.bool("disable_vrfy_command"),
    smtputf8: config.bool("smtputf8_enable"),
    delayReject: config.bool("smtpd_delay_reject"),
    relayBeforeRecipient: config.bool("smtpd_relay_before_recipient_restrictions"),
    rejectUnlistedRecipient: config.bool("smtpd_reject_unlisted_recipient") &&
      !overrides.includes("no_unknown_recipient_checks"),
    rejectUnlistedSender: config.bool("smtpd_reject_unlisted_sender"),
    untrustedRouting: config.bool("allow_untrusted_routing"),
    messageSizeLimit: config.int("message_size_limit"),
    queueMinFree: config.int("queue_minfree"),
    recipientLimit: config.int("smtpd_recipient_limit"),
    recipientOvershoot: config.int("smtpd_recipient_overshoot_limit"),
    softErrors: config.int("smtpd_soft_error_limit"),
    hardErrors: config.int("smtpd_hard_error_limit"),
    junkCommands: config.int("smtpd_junk_command_limit"),
    errorSleep: config.seconds("smtpd_error_sleep_time"),
    timeout: config.seconds("smtpd_timeout"),
    starttlsTimeout: config.seconds("smtpd_starttls_timeout"),
    perRequestDeadline: config.bool("smtpd_per_request_deadline"),
    minDataRate: config.int("smtpd_min_data_rate"),
    lineLimit: config.int("line_length_limit"),
    bareNewline: bareNewline(config),
    bareNewlineCode: config.int("smtpd_forbid_bare_newline_reject_code"),
    bareNewlineExclusions: list("address", "smtpd_forbid_bare_newline_exclusions"),
    forbidUnauthPipelining: config.bool("smtpd_forbid_unauth_pipelining"),
    forbiddenCommands: list("string", "smtpd_forbidden_commands"),
    noopCommands: list("string", "smtpd_noop_commands"),
    mynetworks: list("address", "mynetworks"),
    debugPeers: list("address", "debug_peer_list"),
    relayClientcerts: tables.list(
      config.string("relay_clientcerts"),
      { foldCase: true },
      "relay_clientcerts",
    ),
    discardKeywords: keywordSet(config.list("smtpd_discard_ehlo_keywords")),
    discardKeywordMaps: tables.list(
      config.string("smtpd_discard_ehlo_keyword_address_maps"),
      {},
      "smtpd_discard_ehlo_keyword_address_maps",
    ),
    lookupNames: config.bool("smtpd_peername_lookup"),
    showPort: config.bool("smtpd_client_port_logging"),
    hideClient: config.bool("smtpd_hide_client_session"),
    authenticatedHeader: config.bool("smtpd_sasl_authenticated_header"),
    delayOpen: config.bool("smtpd_delay_open_until_valid_rcpt"),
    contentFilter: config.string("content_filter"),
    cleanupFlags: cleanupFlags(config),
    nullSenderKey: config.string("smtpd_null_access_lookup_key"),
    parentDomains: config.list("parent_domain_matches_subdomains").includes("smtpd_access_maps"),
    addressInLog: config.string("info_log_address_format") === "internal" ? "internal" : "external",
    limits: {
      connectionCount: config.int("smtpd_client_connection_count_limit"),
      connectionRate: config.int("smtpd_client_connection_rate_limit"),
      messageRate: config.int("smtpd_client_message_rate_limit"),
      recipientRate: config.int("smtpd_client_recipient_rate_limit"),
      exceptions: list("address", "smtpd_client_event_limit_exceptions"),
    },
    refusals: refusalChanges(config, tables),
    notices: readNoticeSettings(config),
    xclientHosts: list("address", "smtpd_authorized_xclient_hosts"),
    xforwardHosts: list("address", "smtpd_authorized_xforward_hosts"),
    verpHosts: list("address", "smtpd_authorized_verp_clients"),
    verpDelimiters: config.string("default_verp_delimiters"),
    verpFilter: config.string("verp_delimiter_filter"),
    upstreamProxyTimeout: upstreamProxyTimeout(config),
    families: inetFamilies(config),
    proxyFilter: proxyFilter(config),
    // The SMTP client does not pass the demand on: it is not promised unless somebody asks for just this.
    requireTls: config.bool("requiretls_enable"),
    requireTlsHeader: config.bool("requiretls_esmtp_header"),
    commandFilter: tables.list(config.string("smtpd_command_filter"), {}, "smtpd_command_filter"),
    codes: {
      accessDefer: config.int("access_map_defer_code"),
      accessReject: config.int("access_map_reject_code"),
      defer: config.int("defer_code"),
      reject: config.int("reject_code"),
      invalidHostname: config.int("invalid_hostname_reject_code"),
      mapsRbl: config.int("maps_rbl_reject_code"),
      multiRecipientBounce: config.int("multi_recipient_bounce_reject_code"),
      nonFqdn: config.int("non_fqdn_reject_code"),
      plaintext: config.int("plaintext_reject_code"),
      relayDomains: config.int("relay_domains_reject_code"),
      unknownAddress: config.int("unknown_address_reject_code"),
      unknownClient: config.int("unknown_client_reject_code"),
      unknownHostname: config.int("unknown_hostname_reject_code"),
    },
  };
}

/** The reply to every command of a client that was refused at CONNECT. */
export function deniedReply(label: string): Reply {
  return reply(503, "5.7.0", `Error: access denied for ${label}`);
}
