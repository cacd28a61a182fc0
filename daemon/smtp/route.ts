/** From a next hop to the addresses that are tried, in order (RFC 5321 section 5). */
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import type { Logger } from "../../core/log/mod.ts";
import {
  type AddressRecord,
  canonicalAddress,
  DnsError,
  HostLookupError,
  type Resolver,
} from "../../core/dns/mod.ts";
import type { DsnDetail } from "../delivery/types.ts";
import { isSoft, localDetail } from "./dsn.ts";
import type { ClientSettings } from "./settings.ts";

/** One address of one server. */
export interface ServerAddress {
  /** The name that led here. */
  readonly host: string;
  readonly address: string;
  readonly family: 4 | 6;
  /** Lower is better. */
  readonly preference: number;
}

/** Addresses to try, or why there are none. */
export type Route =
  | { readonly servers: readonly ServerAddress[]; readonly problem?: undefined }
  | { readonly servers: readonly []; readonly problem: DsnDetail };

export interface RouteDeps {
  readonly settings: ClientSettings;
  readonly resolver: Resolver;
  readonly log: Logger;
  /** Addresses of this system, proxies included, in canonical form. */
  readonly ownAddresses: ReadonlySet<string>;
  /** 0 <= x < 1; for tests. */
  readonly random?: () => number;
}

/** What is found while hosts are looked up: addresses, and the trouble that counts if there are none. */
interface Findings {
  readonly servers: ServerAddress[];
  problem: DsnDetail | undefined;
}

/** In DNS, names outside ASCII stand in their IDNA form; what has none stays as it is and is not found. */
function asciiName(name: string): string {
  // deno-lint-ignore no-control-regex -- the ASCII range
  if (!/[^\x00-\x7f]/.test(name) || !name.isWellFormed()) return name;
  return domainToASCII(name) || name;
}

/**
 * Finds the servers for mail to a domain by its MX records or, if it has none, its addresses.
 *
 * @param loops stop before servers that are this system
 */
export async function routeDomain(deps: RouteDeps, domain: string, loops: boolean): Promise<Route> {
  const { settings, resolver, log } = deps;
  const name = asciiName(domain);
  let exchangers;
  try {
    exchangers = await resolver.mx(name, dnsOptions(settings));
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    const hidden = error.kind === "notFound" || error.kind === "noData" ||
      (settings.ignoreMxLookupError && error.kind !== "nullMx");
    if (hidden) return await routeHost(deps, name, loops);
    return { servers: [], problem: localDetail(MX_STATUS[error.kind], error.message) };
  }
  const sorted = [...exchangers].sort((left, right) => left.preference - right.preference);
  const findings: Findings = { servers: [], problem: undefined };
  for (const { exchange, preference } of sorted) await findHost(deps, exchange, preference, findings);
  if (findings.servers.length === 0) {
    log.warning(`no MX host for ${domain} has a valid address record`);
    const problem = findings.problem ?? localDetail("4.4.4", `unable to find primary relay for ${domain}`);
    const soft = settings.deferIfNoMxAddress && !isSoft(problem);
    return { servers: [], problem: soft ? { ...problem, status: `4${problem.status.slice(1)}` } : problem };
  }
  let { servers }: { servers: readonly ServerAddress[] } = findings;
  const best = servers[0]!.preference;
  if (loops) {
    const self = servers.find((server) => deps.ownAddresses.has(server.address));
    if (self !== undefined) {
      servers = servers.filter((server) => server.preference < self.preference);
      if (servers.length === 0) {
        // Better exchangers exist, but none has an address: they may come back.
        const problem = sorted[0]!.preference !== best
          ? localDetail("4.4.4", `unable to find primary relay for ${domain}`)
          : loopProblem(domain);
        return { servers: [], problem };
      }
    }
  }
  return { servers: arrange(deps, servers) };
}

/** Finds the addresses of one host, or takes the address as it is. */
export async function routeHost(deps: RouteDeps, host: string, loops: boolean): Promise<Route> {
  const findings: Findings = { servers: [], problem: undefined };
  await findHost(deps, host, 0, findings);
  if (findings.servers.length === 0) {
    const problem = findings.problem ?? localDetail("5.4.4", `${host}: host not found`);
    return { servers: [], problem };
  }
  if (loops && findings.servers.some((server) => deps.ownAddresses.has(server.address))) {
    return { servers: [], problem: loopProblem(host) };
  }
  return { servers: arrange(deps, findings.servers) };
}

function loopProblem(name: string): DsnDetail {
  return localDetail("5.4.6", `mail for ${name} loops back to myself`);
}

const MX_STATUS = {
  temporary: "4.4.3",
  invalid: "5.4.4",
  failed: "5.4.3",
  nullMx: "5.1.0",
  filtered: "4.7.0",
  notFound: "5.4.4",
  noData: "5.4.4",
} as const;

function dnsOptions(settings: ClientSettings) {
  return { search: settings.resolverSearch, dnssec: settings.dnsSupport === "dnssec" };
}

async function findHost(
  deps: RouteDeps,
  host: string,
  preference: number,
  findings: Findings,
): Promise<void> {
  const { settings, resolver } = deps;
  const add = (records: readonly AddressRecord[]) => {
    for (const { family, address } of records) {
      findings.servers.push({ host, address: canonicalAddress(address) ?? address, family, preference });
    }
  };
  const version = isIP(host);
  if (version !== 0 && settings.families.includes(version as 4 | 6)) {
    return add([{ family: version as 4 | 6, address: host }]);
  }
  const name = asciiName(host);
  // Trouble that may pass outweighs trouble that is certain, so that mail is not returned too early.
  const soft = () => findings.problem !== undefined && isSoft(findings.problem);
  if (settings.dnsSupport !== "disabled" && settings.hostLookup.includes("dns")) {
    try {
      return add(await resolver.addresses(name, settings.families, dnsOptions(settings)));
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
      const status = error.kind === "temporary" || error.kind === "filtered"
        ? MX_STATUS[error.kind]
        : `${soft() ? 4 : 5}.4.${error.kind === "failed" ? 3 : 4}`;
      findings.problem = localDetail(status, error.message);
      if (error.kind !== "notFound" && error.kind !== "noData") return;
    }
  }
  if (settings.dnsSupport !== "disabled" && !settings.hostLookup.includes("native")) return;
  try {
    add(await resolver.host(name, settings.families));
  } catch (error) {
    if (!(error instanceof HostLookupError)) throw error;
    const digit = soft() || error.kind === "temporary" ? 4 : 5;
    findings.problem = localDetail(`${digit}.4.4`, `unable to look up host ${name}: ${error.message}`);
  }
}

/** Shuffled, sorted by preference and, within that, by address family; both families have their share of the limit. */
function arrange(deps: RouteDeps, found: readonly ServerAddress[]): readonly ServerAddress[] {
  if (found.length < 2) return found;
  const { settings } = deps;
  const servers = [...found];
  if (settings.randomizeAddresses) shuffle(servers, deps.random ?? Math.random);
  const liked = settings.addressPreference === "ipv6" ? 6 : settings.addressPreference === "ipv4" ? 4 : 0;
  const rank = (server: ServerAddress) => liked === 0 || server.family === liked ? 0 : 1;
  servers.sort((left, right) => left.preference - right.preference || rank(left) - rank(right));
  return settings.balanceProtocols && settings.mxAddressLimit > 1
    ? balance(servers, settings.mxAddressLimit)
    : servers;
}

/** Fisher and Yates. */
function shuffle<T>(items: T[], random: () => number): void {
  for (let at = items.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [items[at], items[other]] = [items[other]!, items[at]!];
  }
}

/** Drops addresses of the family that would crowd the other one out of the first `limit`. */
function balance(servers: readonly ServerAddress[], limit: number): readonly ServerAddress[] {
  const six = servers.filter((server) => server.family === 6).length;
  const four = servers.length - six;
  if (four === 0 || six === 0 || servers.length <= limit) return servers;
  const half = Math.floor(limit / 2);
  let fourShare: number;
  if (six <= half) fourShare = limit - six;
  else if (four <= half) fourShare = four;
  else fourShare = Math.floor((limit + (servers[0]!.family === 4 ? 1 : 0)) / 2);
  const room = { 4: fourShare, 6: limit - fourShare };
  return servers.filter((server) => room[server.family]-- > 0);
}
