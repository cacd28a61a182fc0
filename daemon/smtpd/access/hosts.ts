import { isHostname, literalAddress, splitLocalDomain } from "../../../core/address/mod.ts";
import { DnsError } from "../../../core/dns/mod.ts";
import type { Check, Outcome } from "./check.ts";
import { plainText } from "./dns_text.ts";
import { plain, type Restriction } from "./restriction.ts";

/** Restrictions about names: what the client calls itself, what it is called, which domains exist. */
export const hostRestrictions: Readonly<Record<string, Restriction>> = {
  reject_invalid_helo_hostname: plain(invalidHelo),
  reject_invalid_hostname: plain(invalidHelo),
  reject_non_fqdn_helo_hostname: plain(nonFqdnHelo),
  reject_non_fqdn_hostname: plain(nonFqdnHelo),
  reject_unknown_helo_hostname: plain(unknownHelo),
  reject_unknown_hostname: plain(unknownHelo),
  reject_unknown_client_hostname: plain(unknownClient),
  reject_unknown_client: plain(unknownClient),
  reject_unknown_reverse_client_hostname: plain((check) => {
    const { client, settings } = check.session;
    if (client.reverseNameStatus === "ok") return "dunno";
    return check.refuse(
      client.reverseNameStatus === "permanent" ? settings.codes.unknownClient : 450,
      "4.7.1",
      `Client host rejected: cannot find your reverse hostname, [${client.address}]`,
    );
  }),
  reject_non_fqdn_sender: plain((check) => nonFqdnAddress(check, check.sender, "Sender address")),
  reject_non_fqdn_recipient: plain((check) => nonFqdnAddress(check, check.recipient, "Recipient address")),
  reject_unknown_sender_domain: plain((check) =>
    unknownDomain(check, check.sender, "Sender address", "4.1.8", { code: 550, enhanced: "5.7.27" })
  ),
  reject_unknown_recipient_domain: plain((check) =>
    unknownDomain(check, check.recipient, "Recipient address", "4.1.2", { code: 556, enhanced: "5.1.10" })
  ),
};

/** `[1.2.3.4]` as a host name in HELO. */
function heloProblem(helo: string): string | undefined {
  if (helo.startsWith("[")) return literalAddress(helo) === undefined ? "invalid ip address" : undefined;
  if (/^\d+(\.\d+){3}$/.test(helo)) {
    return literalAddress(`[${helo}]`) === undefined ? "Invalid name" : undefined;
  }
  if (helo.includes(":")) {
    return literalAddress(`[IPv6:${helo}]`) === undefined ? "Invalid name" : undefined;
  }
  return isHostname(helo.replace(/\.$/, "")) ? undefined : "Invalid name";
}

function invalidHelo(check: Check): Outcome {
  const { helo } = check;
  const problem = helo === undefined ? undefined : heloProblem(helo);
  if (problem === undefined) return "dunno";
  return check.refuse(
    check.session.settings.codes.invalidHostname,
    "5.5.2",
    `<${helo}>: Helo command rejected: ${problem}`,
  );
}

function nonFqdnHelo(check: Check): Outcome {
  const { helo } = check;
  if (helo === undefined) return "dunno";
  if (helo.startsWith("[") && helo.endsWith("]")) {
    return literalAddress(helo) === undefined
      ? check.refuse(
        check.session.settings.codes.invalidHostname,
        "5.5.2",
        `<${helo}>: Helo command rejected: invalid ip address`,
      )
      : "dunno";
  }
  const name = helo.replace(/\.$/, "");
  if (isHostname(name) && name.includes(".")) return "dunno";
  return check.refuse(
    check.session.settings.codes.nonFqdn,
    "5.5.2",
    `<${helo}>: Helo command rejected: need fully-qualified hostname`,
  );
}

function nonFqdnAddress(check: Check, address: string | undefined, nameClass: string): Outcome {
  if (address === undefined || address === "") return "dunno";
  // RFC 5321 section 4.5.1: postmaster without a domain is always reachable.
  if (nameClass === "Recipient address" && address.toLowerCase() === "postmaster") return "dunno";
  const domain = (splitLocalDomain(address).domain ?? "").replace(/\.$/, "");
  const fine = domain.startsWith("[")
    ? literalAddress(domain) !== undefined
    : isHostname(domain) && domain.includes(".");
  if (fine) return "dunno";
  return check.refuse(
    check.session.settings.codes.nonFqdn,
    "5.5.2",
    `<${address}>: ${nameClass} rejected: need fully-qualified address`,
  );
}

function unknownClient(check: Check): Outcome {
  const { client, settings } = check.session;
  if (client.nameStatus === "ok") return "dunno";
  return check.refuse(
    client.nameStatus === "temporary" ? 450 : settings.codes.unknownClient,
    // RFC 7372 section 3.3
    "4.7.25",
    `Client host rejected: cannot find your hostname, [${client.address}]`,
  );
}

type Existence = "yes" | "no" | "nullMx" | "unsure";

/** In which order records are asked for, until there are some; and what the log calls that. */
const MAIL_RECORDS = { types: ["MX", "A", "AAAA"], title: "MX or address" } as const;
const HOST_RECORDS = { types: ["A", "AAAA", "MX"], title: "address or MX" } as const;

/** Does a name have MX or address records? Asked once a session and name. */
async function exists(
  check: Check,
  name: string,
  order: typeof MAIL_RECORDS | typeof HOST_RECORDS,
): Promise<Existence> {
  const { session } = check;
  const resolver = session.service.deps.resolver;
  if (resolver === undefined) return "unsure";
  const key = `exists ${order.title} ${name.toLowerCase()}`;
  const known = session.verdicts.get(key) as Existence | undefined;
  if (known !== undefined) return known;
  let answer: Existence = "no";
  for (const type of order.types) {
    try {
      await (type === "MX" ? resolver.mx(name) : resolver.query(name, type));
      answer = "yes";
      break;
    } catch (error) {
      const kind = kindOf(error);
      if (kind === "nullMx" || kind === "filtered") {
        answer = kind === "nullMx" ? kind : "yes";
        if (error instanceof DnsError && kind === "filtered") {
          session.warn(`${name}: ${order.title} lookup error: ${plainText(error)}`);
        }
        break;
      }
      if (kind !== "notFound" && kind !== "noData" && kind !== "invalid") answer = "unsure";
    }
  }
  session.verdicts.set(key, answer);
  return answer;
}

function kindOf(error: unknown): string {
  return error instanceof Error && "kind" in error ? String(error.kind) : "failed";
}

async function unknownHelo(check: Check): Promise<Outcome> {
  const { helo } = check;
  if (helo === undefined) return "dunno";
  if (helo.startsWith("[")) return invalidHelo(check);
  const text = `<${helo}>: Helo command rejected: Host not found`;
  switch (await exists(check, helo.replace(/\.$/, ""), HOST_RECORDS)) {
    case "no":
      return check.refuse(check.session.settings.codes.unknownHostname, "4.7.1", text);
    case "unsure":
      return check.tempfail(check.session.service.access.settings.unknownHelloTempfail, 450, "4.7.1", text);
    default:
      return "dunno";
  }
}

async function unknownDomain(
  check: Check,
  address: string | undefined,
  nameClass: string,
  enhanced: string,
  nullMx: { readonly code: number; readonly enhanced: string },
): Promise<Outcome> {
  if (address === undefined || address === "") return "dunno";
  const resolved = await check.session.resolve(address);
  if (resolved.addressClass !== "default") return "dunno";
  // Routing has completed what had no domain.
  const { domain } = splitLocalDomain(resolved.recipient);
  if (domain === undefined || domain === "" || domain.startsWith("[")) return "dunno";
  switch (await exists(check, domain.replace(/\.$/, ""), MAIL_RECORDS)) {
    case "no":
      return check.refuse(
        check.session.settings.codes.unknownAddress,
        enhanced,
        `<${address}>: ${nameClass} rejected: Domain not found`,
      );
    case "nullMx":
      return check.refuse(
        nullMx.code,
        nullMx.enhanced,
        `<${address}>: ${nameClass} rejected: Domain ${domain} does not accept mail (nullMX)`,
      );
    case "unsure":
      return check.tempfail(
        check.session.service.access.settings.unknownAddressTempfail,
        450,
        enhanced,
        `<${address}>: ${nameClass} rejected: Domain not found`,
      );
    case "yes":
      return "dunno";
  }
}
