import { splitLocalDomain } from "../../../core/address/mod.ts";
import { DnsError, HostLookupError, type MxRecord } from "../../../core/dns/mod.ts";
import { TableError } from "../../../core/table/mod.ts";
import type { SmtpdResolver } from "../types.ts";
import type { Check, Outcome } from "./check.ts";
import { resolverText } from "./dns_text.ts";
import { guarded, plain, type Restriction } from "./restriction.ts";

/** `permit_mx_backup`: takes mail for domains that name this host as one of their mail exchangers. */
export const mxBackupRestrictions: Readonly<Record<string, Restriction>> = {
  permit_mx_backup: plain(permitMxBackup),
};

async function permitMxBackup(check: Check): Promise<Outcome> {
  const { recipient, session } = check;
  if (recipient === undefined) return "dunno";
  const { domain } = splitLocalDomain(recipient);
  if (domain === undefined || domain === "") return "ok";
  const resolved = await session.resolve(recipient);
  if (resolved.error?.kind === "temporary") {
    return check.refuse(451, "4.3.0", `<${recipient}>: Temporary lookup failure`);
  }
  // Mail with a route in its local part ends elsewhere than its domain says.
  if (resolved.routed === true && !session.settings.untrustedRouting) return "dunno";
  if (resolved.addressClass !== "default") return "ok";
  const { resolver } = session.service.deps;
  if (resolver === undefined || domain.startsWith("[")) return "dunno";
  return await guarded(check, recipient, () => isBackup(check, domain, resolver));
}

async function isBackup(check: Check, domain: string, resolver: SmtpdResolver): Promise<Outcome> {
  let exchangers: readonly MxRecord[];
  try {
    exchangers = await resolver.mx(domain);
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    if (error.kind === "notFound" || error.kind === "noData" || error.kind === "nullMx") return "dunno";
    return unsure(check, `Unable to look up mail exchanger information: ${resolverText(error)}`);
  }
  if (!await namesThisHost(check, exchangers, resolver)) return "dunno";
  const { hasMxBackupNetworks } = check.session.service.access.settings;
  if (!hasMxBackupNetworks || await primaryIsTrusted(check, exchangers, resolver)) return "ok";
  return "dunno";
}

/** What can't be decided now must not be refused for good. */
function unsure(check: Check, reason: string): Outcome {
  return check.deferIfRejected(450, "4.4.4", `<${check.name}>: ${check.nameClass} rejected: ${reason}`);
}

async function addressesOf(check: Check, host: string, resolver: SmtpdResolver): Promise<readonly string[]> {
  try {
    const { families } = check.session.service.access.settings;
    return (await resolver.host(host, families)).map(({ address }) => address);
  } catch (error) {
    if (!(error instanceof HostLookupError || error instanceof DnsError)) throw error;
    unsure(check, `Unable to look up mail exchanger host ${host}: ${error.message}`);
    return [];
  }
}

/** By its name first; addresses are only looked up if no name is ours. */
async function namesThisHost(
  check: Check,
  exchangers: readonly MxRecord[],
  resolver: SmtpdResolver,
): Promise<boolean> {
  const { service, settings } = check.session;
  const own = settings.hostname.toLowerCase();
  if (exchangers.some(({ exchange }) => exchange.toLowerCase() === own)) return true;
  for (const { exchange } of exchangers) {
    const addresses = await addressesOf(check, exchange, resolver);
    if (addresses.some((address) => service.access.isOwnAddress(address))) return true;
  }
  return false;
}

/** Are all hosts that the domain prefers in `permit_mx_backup_networks`? */
async function primaryIsTrusted(
  check: Check,
  exchangers: readonly MxRecord[],
  resolver: SmtpdResolver,
): Promise<boolean> {
  const best = Math.min(...exchangers.map(({ preference }) => preference));
  for (const { exchange, preference } of exchangers) {
    if (preference !== best) continue;
    const addresses = await addressesOf(check, exchange, resolver);
    if (addresses.length === 0) return false;
    for (const address of addresses) {
      if (!await isBackupNetwork(check, exchange, address)) return false;
    }
  }
  return true;
}

/** Is a primary in `permit_mx_backup_networks`? If that can't be told, the mail must not be refused for good. */
async function isBackupNetwork(check: Check, exchange: string, address: string): Promise<boolean> {
  const { session } = check;
  try {
    return await session.service.access.settings.mxBackupNetworks.matches(exchange, address);
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    session.warn(
      `all_auth_mx_addr: permit_mx_backup_networks lookup error for address ${address} for ${exchange}`,
    );
    unsure(check, `Unable to verify host ${exchange} as mail exchanger`);
    return false;
  }
}
