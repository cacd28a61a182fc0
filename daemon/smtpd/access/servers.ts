import { literalAddress, splitLocalDomain } from "../../../core/address/mod.ts";
import { DnsError, HostLookupError } from "../../../core/dns/mod.ts";
import { applyAction } from "./actions.ts";
import type { Check, Outcome } from "./check.ts";
import { resolverText } from "./dns_text.ts";
import { addressKeys, domainKeys, firstMatch, type Key } from "./lookups.ts";
import { lookupFailed, type Restriction, tableOf } from "./restriction.ts";
import type { SmtpdResolver } from "../types.ts";

/** Whose servers are looked up. */
interface Subject {
  readonly domain: string;
  /** What refusals name. */
  readonly name: string;
  /** What the log names when a table permits; the same as a rule. */
  readonly plainName?: string;
  readonly nameClass: string;
}

type SubjectOf = (check: Check) => Subject | undefined;

const mailSubject = (address: string | undefined, nameClass: string): Subject | undefined => {
  const domain = address === undefined ? undefined : splitLocalDomain(address).domain;
  return domain === undefined || domain === "" ? undefined : { domain, name: address!, nameClass };
};

const SUBJECTS: Readonly<Record<string, SubjectOf>> = {
  client: ({ session }) =>
    session.client.name === "unknown" ? undefined : {
      domain: session.client.name,
      name: session.client.label,
      plainName: session.client.name,
      nameClass: "Client host",
    },
  reverse_client_hostname: ({ session }) =>
    session.client.reverseName === "unknown" ? undefined : {
      domain: session.client.reverseName,
      name: session.client.reverseName,
      nameClass: "Unverified Client host",
    },
  helo: (check) =>
    check.helo === undefined
      ? undefined
      : { domain: check.helo, name: check.helo, nameClass: "Helo command" },
  sender: (check) => mailSubject(check.sender, "Sender address"),
  recipient: (check) => mailSubject(check.recipient, "Recipient address"),
};

/** What is looked up: the address of a name, its mail exchangers, the name servers of its domain. */
type Kind = "a" | "mx" | "ns";

/** The hosts that stand behind a domain, as `check_..._mx_access` and its relatives see them; none with the reason. */
async function hostsOf(
  domain: string,
  kind: Kind,
  resolver: SmtpdResolver,
): Promise<readonly string[] | { readonly asked: string | undefined; readonly problem: DnsError }> {
  if (kind === "a") return [domain];
  if (kind === "ns") return await nameServersOf(domain, resolver);
  try {
    return (await resolver.mx(domain)).map((record) => record.exchange);
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    if (error.kind === "nullMx") return [];
    // RFC 5321 section 5.1: without MX records the domain's own address counts.
    return isAbsent(error) ? [domain] : { asked: domain, problem: error };
  }
}

/** Name servers belong to zones: what has none of its own is served by those of a domain above it. */
async function nameServersOf(
  domain: string,
  resolver: SmtpdResolver,
): Promise<readonly string[] | { readonly asked: string | undefined; readonly problem: DnsError }> {
  let rest = domain;
  for (;;) {
    try {
      return (await resolver.query(rest, "NS")).records;
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
      if (!isAbsent(error)) return { asked: rest, problem: error };
      const dot = rest.indexOf(".");
      if (dot < 0 || dot === rest.length - 1) return { asked: undefined, problem: error };
      rest = rest.slice(dot + 1);
    }
  }
}

function isAbsent({ kind }: DnsError): boolean {
  return kind === "notFound" || kind === "noData";
}

async function checkServers(
  check: Check,
  spec: string,
  name: string,
  subject: Subject,
  kind: Kind,
): Promise<Outcome> {
  const { session } = check;
  const { service, settings } = session;
  const resolver = service.deps.resolver;
  const tryKeys = async (key: string, keys: Iterable<Key>): Promise<Outcome> => {
    let hit;
    try {
      hit = await firstMatch(tableOf(service.deps.tables, spec), keys);
    } catch (error) {
      return lookupFailed(check, spec, key, subject, error);
    }
    if (hit === undefined) return "dunno";
    const { nameClass } = subject;
    const outcome = await applyAction(check, { table: spec, ...hit, name: subject.name, nameClass });
    if (outcome !== "ok" || session.transaction?.actions.discard === true) return outcome;
    // Who controls a name server must not be able to permit mail here.
    session.warn(`restriction ${name} returns OK for ${subject.plainName ?? subject.name}`);
    session.warn("this is not allowed for security reasons");
    session.warn("use DUNNO instead of OK if you want to make an exception");
    return check.misconfigured();
  };
  const literal = literalAddress(subject.domain);
  if (literal !== undefined) return kind === "ns" ? "dunno" : await tryKeys(literal, addressKeys(literal));
  if (resolver === undefined || subject.domain.startsWith("[")) return "dunno";
  const hosts = await hostsOf(subject.domain.replace(/\.$/, ""), kind, resolver);
  if ("problem" in hosts) {
    session.warn(
      `Unable to look up ${kind.toUpperCase()} host for ${hosts.asked ?? subject.name}: ` +
        resolverText(hosts.problem),
    );
    return "dunno";
  }
  for (const host of hosts) {
    if (kind !== "a") {
      const byName = await tryKeys(host, domainKeys(host, settings.parentDomains));
      if (byName !== "dunno") return byName;
    }
    for (const address of await addressesOf(check, host, subject, kind, resolver)) {
      const byAddress = await tryKeys(address, addressKeys(address));
      if (byAddress !== "dunno") return byAddress;
    }
  }
  return "dunno";
}

/** The addresses of a host; none, and a line in the log, if they can't be found. */
async function addressesOf(
  check: Check,
  host: string,
  subject: Subject,
  kind: Kind,
  resolver: SmtpdResolver,
): Promise<readonly string[]> {
  try {
    return (await resolver.host(host, check.session.service.access.settings.families)).map(({ address }) =>
      address
    );
  } catch (error) {
    if (!(error instanceof HostLookupError || error instanceof DnsError)) throw error;
    if (kind !== "a") {
      check.session.warn(
        `Unable to look up ${kind.toUpperCase()} host ${host} for ${subject.nameClass} ${subject.name}: ` +
          error.message,
      );
    }
    return [];
  }
}

function restriction(name: string, subjectOf: SubjectOf, kind: Kind): Restriction {
  return {
    argument: "table",
    run(check, argument) {
      const subject = subjectOf(check);
      if (subject === undefined) return "dunno";
      return checkServers(check, argument, name, subject, kind);
    },
  };
}

/** `check_sender_mx_access` and its relatives: access tables about the hosts behind a name. */
export const serverRestrictions: Readonly<Record<string, Restriction>> = Object.fromEntries(
  Object.entries(SUBJECTS).flatMap(([who, subjectOf]) =>
    (["a", "mx", "ns"] as const).map((kind) => {
      const name = `check_${who}_${kind}_access`;
      return [name, restriction(name, subjectOf, kind)];
    })
  ),
);
