import { literalAddress, splitLocalDomain } from "../../../core/address/mod.ts";
import { applyAction } from "./actions.ts";
import type { Check, Outcome } from "./check.ts";
import { addressKeys, domainKeys, firstMatch, type Key } from "./lookups.ts";
import { guarded, type Restriction, tableOf } from "./restriction.ts";
import type { SmtpdResolver } from "../types.ts";

/** Whose servers are looked up. */
interface Subject {
  readonly domain: string;
  /** What refusals name. */
  readonly name: string;
  readonly nameClass: string;
}

type SubjectOf = (check: Check) => Subject | undefined;

const mailSubject = (address: string | undefined, nameClass: string): Subject | undefined => {
  const domain = address === undefined ? undefined : splitLocalDomain(address).domain;
  return domain === undefined || domain === "" ? undefined : { domain, name: address!, nameClass };
};

const SUBJECTS: Readonly<Record<string, SubjectOf>> = {
  client: ({ session }) =>
    session.client.name === "unknown"
      ? undefined
      : { domain: session.client.name, name: session.client.label, nameClass: "Client host" },
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

/** The hosts that receive mail for a domain, or the domain itself. */
async function hostsOf(
  domain: string,
  kind: "a" | "mx",
  resolver: SmtpdResolver,
): Promise<readonly string[]> {
  if (kind === "a") return [domain];
  try {
    return (await resolver.mx(domain)).map((record) => record.exchange);
  } catch (error) {
    const reason = error instanceof Error && "kind" in error ? error.kind : "failed";
    // RFC 5321 section 5.1: without MX records the domain's own address counts.
    if (reason === "notFound" || reason === "noData") return [domain];
    throw error;
  }
}

async function checkServers(
  check: Check,
  spec: string,
  subject: Subject,
  kind: "a" | "mx",
): Promise<Outcome> {
  const { service, settings } = check.session;
  const literal = literalAddress(subject.domain);
  const resolver = service.deps.resolver;
  const table = tableOf(service.deps.tables, spec);
  const tryKeys = async (keys: Iterable<Key>): Promise<Outcome> => {
    const hit = await firstMatch(table, keys);
    if (hit === undefined) return "dunno";
    const { name, nameClass } = subject;
    const outcome = await applyAction(check, { table: spec, ...hit, name, nameClass });
    if (outcome !== "ok") return outcome;
    // Who controls a name server must not be able to permit mail here.
    check.session.warn(
      `restriction check_..._${kind}_access returns OK for ${subject.name}; ` +
        "this is not allowed for security reasons; use DUNNO instead of OK if you want to make an exception",
    );
    return "dunno";
  };
  if (literal !== undefined) return await tryKeys(addressKeys(literal));
  if (resolver === undefined || subject.domain.startsWith("[")) return "dunno";
  try {
    for (const host of await hostsOf(subject.domain.replace(/\.$/, ""), kind, resolver)) {
      const byName = await tryKeys(domainKeys(host, settings.parentDomains));
      if (byName !== "dunno") return byName;
      for (const { address } of await resolver.addresses(host, [4, 6])) {
        const byAddress = await tryKeys(addressKeys(address));
        if (byAddress !== "dunno") return byAddress;
      }
    }
  } catch (error) {
    if (!(error instanceof Error) || !("kind" in error) || error.name === "TableError") throw error;
    check.session.warn(
      `Unable to look up ${kind.toUpperCase()} host ${subject.domain} for ${subject.nameClass} ${subject.name}: ` +
        error.message,
    );
  }
  return "dunno";
}

function restriction(subjectOf: SubjectOf, kind: "a" | "mx"): Restriction {
  return {
    argument: "table",
    run(check, argument) {
      const subject = subjectOf(check);
      if (subject === undefined) return "dunno";
      return guarded(
        check,
        subject.name,
        subject.nameClass,
        () => checkServers(check, argument, subject, kind),
      );
    },
  };
}

/** `check_sender_mx_access` and its relatives: access tables about the hosts behind a name. */
export const serverRestrictions: Readonly<Record<string, Restriction>> = Object.fromEntries(
  Object.entries(SUBJECTS).flatMap(([who, subjectOf]) =>
    (["a", "mx"] as const).map((kind) => [`check_${who}_${kind}_access`, restriction(subjectOf, kind)])
  ),
);
