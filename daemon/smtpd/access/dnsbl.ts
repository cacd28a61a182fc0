import { splitLocalDomain } from "../../../core/address/mod.ts";
import { expandMacros } from "../../../core/config/mod.ts";
import { DnsError, reverseName } from "../../../core/dns/mod.ts";
import { messageOf } from "../../../core/errors/mod.ts";
import { splitStatus } from "../../../core/status/mod.ts";
import type { Check, Outcome } from "./check.ts";
import { plainText } from "./dns_text.ts";
import { addressFilter } from "./dnsbl_filter.ts";
import { plain, type Restriction } from "./restriction.ts";

/** What a list is asked about. */
interface Question {
  /** What stands before the list's domain in the DNS name. */
  readonly key: string | undefined;
  /** What the reply names. */
  readonly what: string;
  readonly whatClass: string;
}

type Subject = (check: Check) => Question | undefined;

const clientAddress: Subject = (check) => {
  const { address } = check.session.client;
  const reversed = reverseName(address)?.replace(/\.(in-addr|ip6)\.arpa$/, "");
  return { key: reversed, what: address, whatClass: "Client host" };
};

function domainSubject(
  whatClass: string,
  domainOf: (check: Check) => { domain: string | undefined; what: string | undefined },
): Subject {
  return (check) => {
    const { domain, what } = domainOf(check);
    // Names that are no domains (address literals, `unknown`) are on no list.
    if (domain === undefined || what === undefined || domain === "" || domain.startsWith("[")) {
      return undefined;
    }
    return domain.includes(".") ? { key: domain.replace(/\.$/, ""), what, whatClass } : undefined;
  };
}

const mailDomain = (address: string | undefined) => ({
  domain: address === undefined ? undefined : splitLocalDomain(address).domain,
  what: address,
});

const clientName = domainSubject("Client host", ({ session }) => ({
  domain: session.client.name,
  what: session.client.name,
}));

/** Restrictions that ask lists in DNS, and those that trust them. */
const rblClient = listed(clientAddress);

export const dnsblRestrictions: Readonly<Record<string, Restriction>> = {
  reject_rbl_client: rblClient,
  reject_rbl: rblClient,
  reject_rhsbl_client: listed(clientName),
  reject_rhsbl_reverse_client: listed(
    domainSubject("Unverified Client host", ({ session }) => ({
      domain: session.client.reverseName,
      what: session.client.reverseName,
    })),
  ),
  reject_rhsbl_helo: listed(
    domainSubject("Helo command", (check) => ({ domain: check.helo, what: check.helo })),
  ),
  reject_rhsbl_sender: listed(domainSubject("Sender address", (check) => mailDomain(check.sender))),
  reject_rhsbl_recipient: listed(domainSubject("Recipient address", (check) => mailDomain(check.recipient))),
  reject_maps_rbl: plain(async (check) => {
    const { access } = check.session.service;
    access.warnOnce(
      'support for restriction "reject_maps_rbl" will be removed from Postfix; use "reject_rbl_client domain-name" instead',
    );
    for (const list of access.settings.blockLists) {
      const outcome = await rblClient.run(check, list);
      if (outcome !== "dunno") return outcome;
    }
    return "dunno";
  }),
  permit_dnswl_client: welcomed(clientAddress),
  permit_rhswl_client: welcomed(clientName),
};

/** An answer of a list: the address, or why there is none. */
type Answer =
  | { readonly kind: "found"; readonly address: string; readonly name: string }
  | { readonly kind: "absent" | "unsure" | "misconfigured" };

/** Asks a list once for each session and name. */
async function ask(check: Check, question: Question, argument: string): Promise<Answer> {
  const { session } = check;
  const resolver = session.service.deps.resolver;
  if (question.key === undefined || resolver === undefined) return { kind: "absent" };
  const equals = argument.indexOf("=");
  const list = equals < 0 ? argument : argument.slice(0, equals);
  const matches = addressFilter(equals < 0 ? "" : argument.slice(equals + 1));
  if (matches === undefined) {
    session.warn(`bad DNS list reply filter in "${argument}": use d.d.d.d with numbers or [ranges]`);
    return { kind: "misconfigured" };
  }
  const name = `${question.key}.${list}`;
  const cacheKey = `dnsbl ${name.toLowerCase()}`;
  let addresses = session.verdicts.get(cacheKey) as readonly string[] | undefined;
  if (addresses === undefined) {
    try {
      const { records } = await resolver.query(name, "A");
      addresses = records.map((record) => record.address);
    } catch (error) {
      const kind = error instanceof Error && "kind" in error ? error.kind : "failed";
      if (kind !== "notFound" && kind !== "noData") {
        session.warn(`${name}: RBL lookup error: ${messageOf(error)}`);
        return { kind: "unsure" };
      }
      addresses = [];
    }
    session.verdicts.set(cacheKey, addresses);
  }
  const address = addresses.find(matches);
  return address === undefined ? { kind: "absent" } : { kind: "found", address, name };
}

function listed(subject: Subject): Restriction {
  return {
    argument: "domain",
    async run(check, argument) {
      const question = subject(check);
      if (question === undefined) return "dunno";
      const answer = await ask(check, question, argument);
      if (answer.kind === "misconfigured") return check.misconfigured();
      return answer.kind === "found" ? await refuseListed(check, question, argument, answer.name) : "dunno";
    },
  };
}

function welcomed(subject: Subject): Restriction {
  return {
    argument: "domain",
    async run(check, argument) {
      const question = subject(check);
      if (question === undefined) return "dunno";
      const answer = await ask(check, question, argument);
      if (answer.kind === "misconfigured") return check.misconfigured();
      if (answer.kind === "found") return "ok";
      if (answer.kind === "absent") return "dunno";
      return check.deferIfRejected(
        450,
        "4.7.1",
        `<${question.what}>: ${question.whatClass} rejected: Service unavailable`,
      );
    },
  };
}

/** The reply that `rbl_reply_maps` or `default_rbl_reply` has for a list. */
async function refuseListed(
  check: Check,
  question: Question,
  argument: string,
  name: string,
): Promise<Outcome> {
  const { session } = check;
  const { deps } = session.service;
  const domain = argument.replace(/=.*$/, "");
  const text = await deps.resolver!.txt(name).then((texts) => texts[0] ?? "", (error) => {
    if (error instanceof DnsError && error.kind === "filtered") {
      session.warn(`${name}: TXT lookup error: ${plainText(error)}`);
    }
    return "";
  });
  const template = await deps.tables.list(deps.config.string("rbl_reply_maps"), {}, "rbl_reply_maps")
    .lookup(argument) ?? deps.config.raw("default_rbl_reply") ?? "";
  const values: Readonly<Record<string, string | undefined>> = {
    client: session.client.label,
    client_address: session.client.address,
    client_name: session.client.name,
    reverse_client_name: session.client.reverseName,
    helo_name: check.helo,
    sender: check.sender,
    sender_name: check.sender === undefined ? undefined : splitLocalDomain(check.sender).local,
    sender_domain: mailDomain(check.sender).domain,
    recipient: check.recipient,
    recipient_name: check.recipient === undefined ? undefined : splitLocalDomain(check.recipient).local,
    recipient_domain: mailDomain(check.recipient).domain,
    rbl_code: String(session.settings.codes.mapsRbl),
    rbl_domain: domain,
    rbl_reason: text,
    rbl_txt: text,
    rbl_what: question.what,
    rbl_class: question.whatClass,
  };
  // What the client or the list said must not be taken for a reference.
  const reply = expandMacros(template, (macro) => (values[macro] ?? "").replaceAll("$", "$$$$"));
  const match = /^([45]\d\d) (.*)$/s.exec(reply);
  if (match === null) {
    session.warn(`rbl response code configuration error: ${reply}`);
    return check.refuse(450, "4.7.1", "Service unavailable");
  }
  const given = splitStatus(match[2]!, "4.7.1");
  const enhanced = check.statusFor(question.whatClass, given.status);
  return check.refuse(Number(match[1]), enhanced, given.text || "Service unavailable");
}
