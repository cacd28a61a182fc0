/** What `smtp_tls_policy_maps` and the older `smtp_tls_per_site` say about a destination (postconf(5), TLS_README). */
import { isHostname } from "../../core/address/mod.ts";
import type { TableList } from "../../core/table/mod.ts";
import { parseProtocols, type VersionRange } from "../../core/tls/mod.ts";
import { type TlsLevel, tlsLevels } from "./settings.ts";

/** No policy can be found; mail waits. */
export class TlsPolicyError extends Error {
  override readonly name = "TlsPolicyError";
}

/** What a policy is made of, from main.cf or from a table. */
export interface Rule {
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

/**
 * The rule for a destination, or `defaults` where no table has one. Throws `TlsPolicyError` for entries that can't be
 * understood; rejects with `TableError`.
 *
 * @param prefix `smtp_tls` or `lmtp_tls`, for the names of tables in errors
 */
export async function findRule(
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
