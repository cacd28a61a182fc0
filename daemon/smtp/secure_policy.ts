import { ConfigError } from "../../core/config/mod.ts";
import { isHostname } from "../../core/address/mod.ts";
import { TableError, type TableSet } from "../../core/table/mod.ts";
import {
  certificateNames,
  fingerprint,
  isDigest,
  isVouchedFor,
  matchesName,
  type TlsSession,
  unsupportedText,
} from "../../core/tls/mod.ts";
import { createDane, type DaneDeps } from "./dane_verdict.ts";
import { demandsTls, type TlsDemand } from "./tls_demand.ts";
import type { ClientSettings, TlsLevel } from "./settings.ts";
import { type TlsEngine, type TlsEngineDeps, TlsEngines } from "./tls_engines.ts";
import { findRule, mustEncrypt, mustMatch, type Rule, TlsPolicyError } from "./tls_policy_table.ts";

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
  readonly engine: TlsEngine | undefined;
  /** The server's whole chain is needed for the verdict. */
  readonly withChain: boolean;
  /** Seconds for the handshake. */
  readonly timeout: number;
  /** Is this the server that the policy means? True at levels that don't ask. */
  matches(session: TlsSession): boolean;
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

export interface ClientTlsDeps extends DaneDeps, TlsEngineDeps {
  readonly tables: TableSet;
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
  const engines = new TlsEngines(deps, settings.protocol);
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

/** Errors of `policyFor` that mean "try later". */
export function isPolicyTrouble(error: unknown): error is TlsPolicyError | TableError {
  return error instanceof TlsPolicyError || error instanceof TableError;
}
