/** What the TLSA records of a server make of the levels dane and dane-only (RFC 7672). */
import type { Config } from "../../core/config/mod.ts";
import type { Resolver, TlsaRecord } from "../../core/dns/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { usableRecords } from "../../core/tls/mod.ts";
import { findTlsa } from "./dane.ts";
import type { ClientSettings, TlsLevel } from "./settings.ts";
import { TlsPolicyError } from "./tls_policy_table.ts";

/** DANE is demanded, and DNS does not vouch for the server; `detail` is what the sender is told. */
export class DaneError extends TlsPolicyError {
  constructor(readonly detail: string, destination: string) {
    super(`${destination}: ${detail}`);
  }
}

export interface DaneDeps {
  readonly config: Config;
  readonly resolver: Resolver;
  readonly log: Logger;
}

/** What DANE leaves of a level. */
export interface DaneVerdict {
  readonly level: TlsLevel;
  /** The name under which records were found. */
  readonly base?: string;
  readonly records?: readonly TlsaRecord[];
}

export type FindDane = (
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
export function createDane(deps: DaneDeps, settings: ClientSettings, prefix: string): FindDane {
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
