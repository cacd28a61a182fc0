import { type Config, ConfigError } from "../../core/config/mod.ts";
import { isHostname } from "../../core/address/mod.ts";
import type { Resolver, TlsaRecord } from "../../core/dns/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { TableError, type TableList, type TableSet } from "../../core/table/mod.ts";
import {
  certificateNames,
  fingerprint,
  isDigest,
  isVouchedFor,
  KeyFileError,
  type KeyPair,
  KeyRing,
  KeyStore,
  matchesName,
  parseProtocols,
  readAuthorities,
  readProtocols,
  SYSTEM_AUTHORITIES,
  TlsContext,
  type TlsSession,
  trustAnchors,
  unsupportedText,
  usableRecords,
  type VersionRange,
} from "../../core/tls/mod.ts";
import { findTlsa } from "./dane.ts";
import { demandsTls, type TlsDemand } from "./tls_demand.ts";
import { type ClientSettings, type Protocol, type TlsLevel, tlsLevels } from "./settings.ts";

/** How a session with one server has to be protected. */
export interface TlsPolicy {
  readonly level: TlsLevel;
  /** Equal for policies under which sessions may be shared. */
  readonly id: string;
  /** TLS before the greeting (`smtp_tls_wrappermode`). */
  readonly wrapper: boolean;
  /** Sent in the handshake; empty for none. */
  readonly serverName: string;
  readonly logLevel: number;
  /** Absent when keys or authorities can't be used; the reason is in the log. */
  readonly engine: { readonly context: TlsContext; readonly pair: KeyPair | undefined } | undefined;
  /** The server's whole chain is needed for the verdict. */
  readonly withChain: boolean;
  /** Seconds for the handshake. */
  readonly timeout: number;
  /** Is this the server that the policy means? True at levels that don't ask. */
  matches(session: TlsSession): boolean;
}

/** No policy can be found; mail waits. */
export class TlsPolicyError extends Error {
  override readonly name = "TlsPolicyError";
}

/** DANE is demanded, and DNS does not vouch for the server; `detail` is what the sender is told. */
export class DaneError extends TlsPolicyError {
  constructor(readonly detail: string, destination: string) {
    super(`${destination}: ${detail}`);
  }
}

/** The client's TLS: one set per service and configuration snapshot. */
export interface ClientTls {
  /**
   * The policy for a server. Rejects with `TlsPolicyError` or `TableError`.
   *
   * @param destination as the next hop was written: `example.com`, `[mail.example.com]:587`
   * @param domain the same without brackets and port
   * @param server its port, and whether an MX record stands between domain and host
   * @param demand what the message itself demands: TLS, whatever the levels say; or as little as possible
   */
  policyFor(
    destination: string,
    domain: string,
    host: string,
    server: { readonly port: number; readonly byMx: boolean } | undefined,
    demand: TlsDemand,
  ): Promise<TlsPolicy>;
}

export interface ClientTlsDeps {
  readonly config: Config;
  /** For DANE. */
  readonly resolver: Resolver;
  readonly tables: TableSet;
  readonly log: Logger;
  readonly keyStore?: KeyStore | undefined;
  readonly requestReplacement?: ((reason: string) => void) | undefined;
}

/** What a policy is made of, from main.cf or from a table. */
interface Rule {
  level: TlsLevel;
  matches: readonly string[] | undefined;
  versions: VersionRange | undefined;
  serverName: string;
}

const CHECKING: ReadonlySet<TlsLevel> = new Set(["fingerprint", "verify", "secure", "dane", "dane-only"]);

/** Do servers have to prove who they are at this level? */
export function mustMatch(level: TlsLevel): boolean {
  return CHECKING.has(level);
}

/** Is mail only sent under TLS at this level? */
export function mustEncrypt(level: TlsLevel): boolean {
  return level !== "none" && level !== "may";
}

/** Makes the client's TLS; undefined if nothing in the configuration asks for it. Throws `ConfigError` or `TableError`. */
export function createClientTls(deps: ClientTlsDeps, settings: ClientSettings): ClientTls | undefined {
  const { config, tables, log } = deps;
  const prefix = `${settings.protocol}_tls` as const;
  const list = (name: string) => tables.list(config.string(name), { foldCase: true }, name);
  const policies = list(`${prefix}_policy_maps`);
  const sites = list(`${prefix}_per_site`);
  let level = settings.tlsLevel;
  if (level === "none" && policies.isEmpty && sites.isEmpty && !settings.tlsWrapperMode) return undefined;
  if (settings.tlsWrapperMode && !mustEncrypt(level)) {
    log.warning(
      `${prefix}_wrappermode requires "${prefix}_security_level = encrypt" (or stronger); using encrypt`,
    );
    level = "encrypt";
  }
  const unsupported = unsupportedText(config, prefix);
  if (unsupported !== undefined) log.warning(unsupported);
  const digest = config.string(`${prefix}_fingerprint_digest`).toLowerCase();
  if (!isDigest(digest)) {
    throw new ConfigError(
      `${prefix}_fingerprint_digest: unknown digest "${digest}": use sha256, sha1 or md5`,
      config.origin(`${prefix}_fingerprint_digest`),
    );
  }
  const engines = new Engines(deps, settings.protocol);
  const manyLabels = config.bool("tls_wildcard_matches_multiple_labels");
  const defaults: Rule = {
    level,
    matches: undefined,
    versions: undefined,
    serverName: config.string(`${prefix}_servername`),
  };
  const defaultMatches = (checked: TlsLevel): readonly string[] => {
    switch (checked) {
      case "fingerprint":
        return config.string(`${prefix}_fingerprint_cert_match`).split(/[\s|]+/).filter((part) =>
          part !== ""
        );
      case "verify":
        return splitMatches(config.string(`${prefix}_verify_cert_match`));
      default:
        return splitMatches(config.string(`${prefix}_secure_cert_match`));
    }
  };
  const logLevel = Number(config.string(`${prefix}_loglevel`));
  const timeout = config.seconds(`${settings.protocol}_starttls_timeout`);
  const dane = createDane(deps, settings, prefix);
  return {
    async policyFor(destination, domain, host, server, demand) {
      const found = await findRule(destination, host, defaults, policies, sites, prefix);
      const rule = demand.relaxed && mustEncrypt(found.level) ? { ...found, level: "may" as const } : found;
      const vouched = rule.level === "dane" || rule.level === "dane-only"
        ? await dane(rule.level, destination, domain, host, server)
        : undefined;
      const usual = vouched?.level ?? rule.level;
      const checked = demandsTls(demand) && !mustEncrypt(usual) ? "encrypt" : usual;
      const wanted = mustMatch(checked) && vouched === undefined
        ? expandMatches(rule.matches ?? defaultMatches(checked), checked, domain, host)
        : [];
      const records = vouched?.records ?? [];
      const serverName = vouched?.base !== undefined
        ? vouched.base
        : rule.serverName === "hostname"
        ? host
        : rule.serverName === "nexthop"
        ? domain
        : rule.serverName;
      return {
        level: checked,
        id: [
          ...[checked, serverName, rule.versions?.min, rule.versions?.max, ...wanted],
          ...records.map((record) => record.data.toHex()),
        ].join(" "),
        withChain: records.length > 0,
        wrapper: settings.tlsWrapperMode && checked !== "none",
        serverName: isHostname(serverName) ? serverName : "",
        logLevel,
        timeout,
        engine: checked === "none" ? undefined : engines.get(rule.versions, mustEncrypt(checked)),
        matches(session) {
          if (!mustMatch(checked)) return true;
          const { peer } = session;
          if (peer === undefined) return false;
          if (vouched?.base !== undefined) {
            return isVouchedFor(session.chain, records, [vouched.base, host, domain], manyLabels);
          }
          if (checked === "fingerprint") {
            const prints = [fingerprint(peer.raw, digest), fingerprint(peer.publicKey, digest)];
            return wanted.some((print) => prints.includes(print.toUpperCase()));
          }
          return session.trusted &&
            certificateNames(peer).some((name) =>
              wanted.some((pattern) => matchesName(name, pattern, manyLabels))
            );
        },
      };
    },
  };
}

/** What DANE leaves of a level. */
interface DaneVerdict {
  readonly level: TlsLevel;
  /** The name under which records were found. */
  readonly base?: string;
  readonly records?: readonly TlsaRecord[];
}

type FindDane = (
  level: "dane" | "dane-only",
  destination: string,
  domain: string,
  host: string,
  server: { readonly port: number; readonly byMx: boolean } | undefined,
) => Promise<DaneVerdict>;

/**
 * Decides about servers of destinations at the levels dane and dane-only. Without records `dane` becomes `may`, with
 * records that nobody can use `encrypt`; `dane-only` rejects with `DaneError`.
 */
function createDane(deps: ClientTlsDeps, settings: ClientSettings, prefix: string): FindDane {
  const { config, resolver, log } = deps;
  const digests = config.list("tls_dane_digests").map((name) => name.toLowerCase());
  const force = config.bool(`${prefix}_force_insecure_host_tlsa_lookup`);
  let warned = false;
  return async (level, destination, domain, host, server) => {
    const without = (detail: string, otherwise: TlsLevel): DaneVerdict => {
      if (level === "dane") return { level: otherwise };
      throw new DaneError(detail, destination);
    };
    if (settings.dnsSupport !== "dnssec") {
      if (!warned) log.warning(`${destination}: dane configured with dnssec lookups disabled`);
      warned = true;
      return without("client TLS configuration problem", "may");
    }
    if (server === undefined) return without("non DNSSEC destination", "may");
    const answer = await findTlsa(resolver, {
      domain: server.byMx ? domain : undefined,
      host,
      port: server.port,
      force,
    });
    switch (answer.kind) {
      case "temporary":
        throw new DaneError(`TLSA lookup error for ${host}:${server.port}`, destination);
      case "insecure":
        return without("non DNSSEC destination", "may");
      case "absent":
        return without("no TLSA records found", "may");
      case "found": {
        const records = usableRecords(answer.records, digests);
        if (records.length === 0) return without("TLSA records unusable", "encrypt");
        return { level, base: answer.base, records };
      }
    }
  };
}

function splitMatches(text: string): string[] {
  return text.split(/[\s,:]+/).filter((part) => part !== "");
}

/** Puts names in the place of `hostname`, `nexthop` and `dot-nexthop`. */
function expandMatches(
  matches: readonly string[],
  level: TlsLevel,
  domain: string,
  host: string,
): readonly string[] {
  if (level === "fingerprint") return matches;
  return matches.map((match) => {
    const word = match.toLowerCase();
    if (word === "hostname") return host.toLowerCase();
    if (word === "nexthop") return domain.toLowerCase();
    return word === "dot-nexthop" ? `.${domain.toLowerCase()}` : word;
  });
}

async function findRule(
  destination: string,
  host: string,
  defaults: Rule,
  policies: TableList,
  sites: TableList,
  prefix: string,
): Promise<Rule> {
  if (!policies.isEmpty) {
    let key = destination.toLowerCase();
    // [host], host:port and paths stand for themselves only; a domain also has its parents.
    const parents = isHostname(key);
    for (;;) {
      const value = await policies.lookup(key);
      if (value !== undefined) return parseRule(value, defaults, `${prefix}_policy_maps: ${key}`);
      const dot = parents ? key.indexOf(".", 1) : -1;
      if (dot < 0) return defaults;
      key = key.slice(dot);
    }
  }
  if (sites.isEmpty) return defaults;
  let found: TlsLevel | undefined;
  for (const key of new Set([destination.toLowerCase(), host.toLowerCase()])) {
    const value = await sites.lookup(key);
    if (value !== undefined) found = combineSites(found, value, `${prefix}_per_site: ${key}`);
  }
  if (found === undefined) return defaults;
  // A wild-card "may" gives way to a stronger general policy.
  return found === "may" && mustEncrypt(defaults.level) ? defaults : { ...defaults, level: found };
}

/** The stricter of two entries of the older table; `NONE` beats `MAY`. */
function combineSites(before: TlsLevel | undefined, value: string, place: string): TlsLevel {
  switch (value.trim().toUpperCase()) {
    case "NONE":
      return before === undefined || before === "may" ? "none" : before;
    case "MAY":
      return before ?? "may";
    case "MUST_NOPEERMATCH":
      return before === "verify" ? before : "encrypt";
    case "MUST":
      return "verify";
    default:
      throw new TlsPolicyError(`${place}: unknown TLS policy "${value}"`);
  }
}

/** Understands `level name=value ...`. Throws `TlsPolicyError`. */
function parseRule(text: string, defaults: Rule, place: string): Rule {
  const [word = "", ...attributes] = text.split(/[\s,]+/).filter((part) => part !== "");
  const level = tlsLevels.find((each) => each === word.toLowerCase());
  if (level === undefined) throw new TlsPolicyError(`${place}: invalid security level "${word}"`);
  const rule: Rule = { ...defaults, level, matches: undefined };
  for (const attribute of attributes) {
    const equals = attribute.indexOf("=");
    const name = attribute.slice(0, equals).toLowerCase();
    const value = attribute.slice(equals + 1);
    if (equals <= 0 || value === "") throw new TlsPolicyError(`${place}: malformed attribute "${attribute}"`);
    switch (name) {
      case "match":
        rule.matches = [
          ...rule.matches ?? [],
          ...(level === "fingerprint" ? value.split("|") : value.split(":")).filter((part) => part !== ""),
        ];
        break;
      case "protocols": {
        const range = parseProtocols(value.split(":"))?.range;
        if (range === undefined) throw new TlsPolicyError(`${place}: no usable protocol in "${attribute}"`);
        rule.versions = range;
        break;
      }
      case "servername":
        rule.serverName = value;
        break;
      case "ciphers":
      case "exclude":
      case "connection_reuse":
      case "enable_rpk":
        // The engine chooses suites itself, and sessions are reused in any case.
        break;
      default:
        throw new TlsPolicyError(`${place}: unsupported attribute "${attribute}"`);
    }
  }
  return rule;
}

/** Contexts by what differs between policies; keys and authorities are read once. */
class Engines {
  readonly #contexts = new Map<string, TlsContext>();
  readonly #ring: KeyRing | undefined;
  readonly #anchors: ReturnType<typeof trustAnchors> | undefined;
  readonly #depth: number;
  readonly #optional: VersionRange;
  readonly #mandatory: VersionRange;

  constructor(deps: ClientTlsDeps, protocol: Protocol) {
    const { config, log } = deps;
    const store = deps.keyStore ?? new KeyStore();
    const at = (name: string) => `${protocol}_tls_${name}`;
    this.#depth = config.int(at("scert_verifydepth"));
    this.#optional = readProtocols(config, at("protocols"));
    this.#mandatory = readProtocols(config, at("mandatory_protocols"));
    const chainFiles = config.list(at("chain_files"));
    const pairs: [string, string][] = [];
    for (const kind of ["", "ec"]) {
      const certificates = config.string(at(`${kind}cert_file`));
      if (certificates !== "") pairs.push([certificates, config.string(at(`${kind}key_file`))]);
    }
    try {
      if (chainFiles.length + pairs.length > 0) {
        this.#ring = new KeyRing({ chainFiles, pairs }, store, {
          warn: (text) => log.warning(text),
          requestReplacement: deps.requestReplacement,
        });
      }
      const own = readAuthorities(config.string(at("CAfile")), config.string(at("CApath")), store);
      this.#anchors = trustAnchors(
        own + (config.bool("tls_append_default_CA") ? store.read(SYSTEM_AUTHORITIES) : ""),
      );
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw error;
      if (error.denied) deps.requestReplacement?.(error.message);
      log.warning(`${error.message}: disabling TLS support`);
    }
  }

  get(versions: VersionRange | undefined, mandatory: boolean): TlsPolicy["engine"] {
    if (this.#anchors === undefined) return undefined;
    const range = versions ?? (mandatory ? this.#mandatory : this.#optional);
    const key = `${range.min} ${range.max}`;
    let context = this.#contexts.get(key);
    if (context === undefined) {
      context = new TlsContext(range, this.#anchors, this.#depth);
      this.#contexts.set(key, context);
    }
    const pairs = this.#ring?.pairs() ?? [];
    // With keys of both kinds, the one that every server can check.
    return { context, pair: pairs.find((pair) => pair.certificate.key.algorithm === "RSA") ?? pairs[0] };
  }
}

/** Errors of `policyFor` that mean "try later". */
export function isPolicyTrouble(error: unknown): error is TlsPolicyError | TableError {
  return error instanceof TlsPolicyError || error instanceof TableError;
}
