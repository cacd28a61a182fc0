/** Which TLSA records hold for a server (RFC 7672 section 2.2), by the name server's word that they are validated. */
import { DnsError, type QueryOptions, type Resolver, type TlsaRecord } from "../../core/dns/mod.ts";

/** What DNS says about a server. `temporary`: it could not be asked, and the mail has to wait. */
export type DaneAnswer =
  | { readonly kind: "found"; readonly base: string; readonly records: readonly TlsaRecord[] }
  | { readonly kind: "insecure" | "absent" | "temporary" };

export interface DaneQuestion {
  /** The next hop's domain; undefined where no MX record stands between it and the host. */
  readonly domain: string | undefined;
  readonly host: string;
  readonly port: number;
  /** Ask for TLSA records even of hosts whose addresses are not validated. */
  readonly force: boolean;
}

const SECURE: QueryOptions = { dnssec: true };

/** Does a failure say for certain that there is no such record? */
function isAbsence(error: unknown): boolean {
  return error instanceof DnsError && (error.kind === "notFound" || error.kind === "noData");
}

/** Are the host's addresses validated, and under which name? Undefined if DNS doesn't say. */
async function hostStatus(
  resolver: Resolver,
  host: string,
): Promise<{ readonly secure: boolean; readonly canonical: string } | undefined> {
  let status: { secure: boolean; canonical: string } | undefined;
  for (const type of ["A", "AAAA"] as const) {
    try {
      const answer = await resolver.query(host, type, SECURE);
      status = {
        secure: (status?.secure ?? true) && answer.authenticated,
        canonical: answer.canonicalName,
      };
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
      if (!isAbsence(error)) return undefined;
    }
  }
  return status ?? { secure: false, canonical: host };
}

/** Looks for TLSA records. Answers come from the resolver's cache while they last. */
export async function findTlsa(resolver: Resolver, question: DaneQuestion): Promise<DaneAnswer> {
  const { domain, host, port } = question;
  try {
    if (domain !== undefined) {
      const { authenticated } = await resolver.query(domain, "MX", SECURE);
      if (!authenticated) return { kind: "insecure" };
    }
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    // A domain without MX records stands for itself; its address decides.
    if (!isAbsence(error)) return { kind: "temporary" };
  }
  const status = await hostStatus(resolver, host);
  if (status === undefined) return { kind: "temporary" };
  if (!status.secure && !question.force) return { kind: "insecure" };
  // The name at the end of the aliases counts first (RFC 7672 section 2.2.2).
  const bases = status.secure && status.canonical.toLowerCase() !== host.toLowerCase()
    ? [status.canonical, host]
    : [host];
  for (const base of bases) {
    try {
      const answer = await resolver.query(`_${port}._tcp.${base}`, "TLSA", SECURE);
      if (answer.authenticated) return { kind: "found", base, records: answer.records };
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
      if (!isAbsence(error)) return { kind: "temporary" };
    }
  }
  return { kind: "absent" };
}
