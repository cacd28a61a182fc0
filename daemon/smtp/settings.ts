import { type Config, ConfigError, inetVersions } from "../../core/config/mod.ts";

/** The two protocols that this client speaks; parameters begin with the name. */
export type Protocol = "smtp" | "lmtp";

/** Time limits in seconds, 0 for none. */
export interface Timeouts {
  readonly connect: number;
  readonly helo: number;
  readonly xforward: number;
  readonly mail: number;
  readonly rcpt: number;
  readonly dataInit: number;
  readonly dataXfer: number;
  readonly dataDone: number;
  readonly rset: number;
  readonly quit: number;
}

/** `none` < `may` < `encrypt` < the levels that check certificates. */
export const tlsLevels = [
  "none",
  "may",
  "encrypt",
  "dane",
  "dane-only",
  "fingerprint",
  "verify",
  "secure",
] as const;
export type TlsLevel = typeof tlsLevels[number];

/** What main.cf says to one smtp(8) or lmtp(8) service, read once. Names follow the parameters. */
export interface ClientSettings {
  readonly protocol: Protocol;
  readonly myhostname: string;
  /** What the paths of UNIX sockets are relative to. */
  readonly queueDirectory: string;
  readonly heloName: string;
  readonly defaultPort: string;
  readonly relayhost: string;
  readonly fallbackRelay: readonly string[];
  readonly bestMxTransport: string;
  readonly timeouts: Timeouts;
  /** Bound the whole of an answer or a transfer, not its pieces. */
  readonly perRequestDeadline: boolean;
  /** Octets a second that move the deadline of a transfer. */
  readonly minDataRate: number;
  readonly families: readonly (4 | 6)[];
  readonly hostLookup: readonly ("dns" | "native")[];
  readonly dnsSupport: "enabled" | "disabled" | "dnssec";
  readonly resolverSearch: boolean;
  readonly addressPreference: "any" | "ipv4" | "ipv6";
  readonly balanceProtocols: boolean;
  readonly randomizeAddresses: boolean;
  readonly mxAddressLimit: number;
  readonly mxSessionLimit: number;
  readonly deferIfNoMxAddress: boolean;
  readonly ignoreMxLookupError: boolean;
  readonly bindAddress: string;
  readonly bindAddress6: string;
  readonly bindAddressEnforce: boolean;
  readonly skip5xxGreeting: boolean;
  readonly skipQuitResponse: boolean;
  readonly alwaysSendEhlo: boolean;
  readonly neverSendEhlo: boolean;
  readonly discardKeywords: readonly string[];
  readonly discardKeywordMaps: string;
  readonly sendXforward: boolean;
  readonly quoteEnvelope: boolean;
  readonly lineLengthLimit: number;
  /** Bytes of a reply line that are kept. */
  readonly replyLineLimit: number;
  readonly pixWorkarounds: readonly string[];
  readonly pixWorkaroundMaps: string;
  readonly pixThresholdTime: number;
  readonly pixDelayTime: number;
  readonly dummyMailAuth: boolean;
  readonly verifyTarget: "rcpt" | "data";
  readonly cacheOnDemand: boolean;
  readonly cacheDestinations: string;
  readonly cacheTimeLimit: number;
  readonly reuseCountLimit: number;
  readonly reuseTimeLimit: number;
  readonly disableMimeConversion: boolean;
  readonly smtputf8: boolean;
  readonly softBounce: boolean;
  readonly assumeFinal: boolean;
  readonly genericMaps: string;
  readonly replyFilter: string;
  readonly statusFilter: string;
  readonly saslEnabled: boolean;
  readonly senderDependentLogin: boolean;
  readonly tlsLevel: TlsLevel;
  readonly tlsWrapperMode: boolean;
  readonly noteStarttlsOffer: boolean;
  /** `minimal_backoff_time`, in seconds. */
  readonly minimalBackoff: number;
  readonly helpfulWarnings: boolean;
}

function oneOf<T extends string>(config: Config, name: string, choices: readonly T[]): T {
  const value = config.string(name).toLowerCase();
  const choice = choices.find((each) => each === value);
  if (choice !== undefined) return choice;
  const text = `bad ${name} value: "${value}" (use one of ${choices.join(", ")})`;
  throw new ConfigError(text, config.origin(name));
}

function tlsLevel(config: Config, protocol: Protocol): TlsLevel {
  const name = `${protocol}_tls_security_level`;
  if (config.string(name) !== "") return oneOf(config, name, tlsLevels);
  // The older pair of parameters, which counts only where the newer one is empty.
  if (config.bool(`${protocol}_enforce_tls`)) {
    return config.bool(`${protocol}_tls_enforce_peername`) ? "verify" : "encrypt";
  }
  return config.bool(`${protocol}_use_tls`) ? "may" : "none";
}

function hostLookup(config: Config, name: string): ("dns" | "native")[] {
  return config.list(name).map((word) => {
    if (word === "dns" || word === "native") return word;
    throw new ConfigError(`${name}: unknown host lookup method "${word}"`, config.origin(name));
  });
}

/** Reads everything at once, so that a wrong value shows before the first delivery. Throws `ConfigError`. */
export function readSettings(config: Config, protocol: Protocol): ClientSettings {
  const at = (name: string) => `${protocol}_${name}`;
  const text = (name: string) => config.string(at(name));
  const flag = (name: string) => config.bool(at(name));
  const number = (name: string) => config.int(at(name));
  const time = (name: string) => config.seconds(at(name));
  const smtp = protocol === "smtp";
  const support = text("dns_support_level");
  return {
    protocol,
    myhostname: config.string("myhostname"),
    queueDirectory: config.string("queue_directory"),
    heloName: text(smtp ? "helo_name" : "lhlo_name"),
    defaultPort: text("tcp_port"),
    relayhost: config.string("relayhost"),
    fallbackRelay: config.list(at("fallback_relay")),
    bestMxTransport: config.string("best_mx_transport"),
    timeouts: {
      connect: time("connect_timeout"),
      helo: time(smtp ? "helo_timeout" : "lhlo_timeout"),
      xforward: time("xforward_timeout"),
      mail: time("mail_timeout"),
      rcpt: time("rcpt_timeout"),
      dataInit: time("data_init_timeout"),
      dataXfer: time("data_xfer_timeout"),
      dataDone: time("data_done_timeout"),
      rset: time("rset_timeout"),
      quit: time("quit_timeout"),
    },
    perRequestDeadline: flag("per_request_deadline"),
    minDataRate: number("min_data_rate"),
    families: inetVersions(config),
    hostLookup: hostLookup(config, at("host_lookup")),
    dnsSupport: support !== ""
      ? oneOf(config, at("dns_support_level"), ["enabled", "disabled", "dnssec"])
      : config.bool("disable_dns_lookups")
      ? "disabled"
      : "enabled",
    resolverSearch: config.list(at("dns_resolver_options")).length > 0,
    addressPreference: oneOf(config, at("address_preference"), ["any", "ipv4", "ipv6"]),
    balanceProtocols: flag("balance_inet_protocols"),
    randomizeAddresses: flag("randomize_addresses"),
    mxAddressLimit: number("mx_address_limit"),
    mxSessionLimit: number("mx_session_limit"),
    deferIfNoMxAddress: flag("defer_if_no_mx_address_found"),
    ignoreMxLookupError: config.bool("ignore_mx_lookup_error"),
    bindAddress: text("bind_address"),
    bindAddress6: text("bind_address6"),
    bindAddressEnforce: flag("bind_address_enforce"),
    skip5xxGreeting: flag("skip_5xx_greeting"),
    skipQuitResponse: flag("skip_quit_response"),
    alwaysSendEhlo: smtp ? flag("always_send_ehlo") : true,
    neverSendEhlo: smtp ? flag("never_send_ehlo") : false,
    discardKeywords: config.list(at(smtp ? "discard_ehlo_keywords" : "discard_lhlo_keywords")),
    discardKeywordMaps: text(
      smtp ? "discard_ehlo_keyword_address_maps" : "discard_lhlo_keyword_address_maps",
    ),
    sendXforward: flag("send_xforward_command"),
    quoteEnvelope: flag("quote_rfc821_envelope"),
    lineLengthLimit: number("line_length_limit"),
    replyLineLimit: config.int("line_length_limit"),
    pixWorkarounds: config.list(at("pix_workarounds")),
    pixWorkaroundMaps: text("pix_workaround_maps"),
    pixThresholdTime: time("pix_workaround_threshold_time"),
    pixDelayTime: time("pix_workaround_delay_time"),
    dummyMailAuth: flag("send_dummy_mail_auth"),
    verifyTarget: oneOf(config, at("address_verify_target"), ["rcpt", "data"]),
    cacheOnDemand: flag("connection_cache_on_demand"),
    cacheDestinations: text("connection_cache_destinations"),
    cacheTimeLimit: time("connection_cache_time_limit"),
    reuseCountLimit: number("connection_reuse_count_limit"),
    reuseTimeLimit: time("connection_reuse_time_limit"),
    disableMimeConversion: config.bool("disable_mime_output_conversion"),
    smtputf8: config.bool("smtputf8_enable"),
    softBounce: config.bool("soft_bounce"),
    assumeFinal: config.bool("lmtp_assume_final"),
    genericMaps: text("generic_maps"),
    replyFilter: text("reply_filter"),
    statusFilter: text("delivery_status_filter"),
    saslEnabled: flag("sasl_auth_enable"),
    senderDependentLogin: flag("sender_dependent_authentication"),
    tlsLevel: tlsLevel(config, protocol),
    tlsWrapperMode: flag("tls_wrappermode"),
    minimalBackoff: config.seconds("minimal_backoff_time"),
    noteStarttlsOffer: flag("tls_note_starttls_offer"),
    helpfulWarnings: config.bool("helpful_warnings"),
  };
}
