import type { LdapEntry, LdapQuery } from "./ldap_entries.ts";
import type { LdapServer } from "./ldap_settings.ts";
import { parseLdapUrl } from "./ldap_url.ts";

/** What a server answered to a search: entries, and LDAP URLs of servers that know more. */
export interface LdapAnswer {
  readonly entries: readonly LdapEntry[];
  readonly references: readonly string[];
}

/**
 * Asks the server of a referral; it is asked without a login, as nothing says that it may see the password. Undefined
 * if the base does not exist there.
 */
export type AskServer = (server: LdapServer, query: LdapQuery) => Promise<LdapAnswer | undefined>;

/** A server that was referred to may refer further this many times, as with OpenLDAP's library. */
const MOST_HOPS = 5;

/**
 * The entries of an answer and those of the servers that it refers to (`chase_referrals`, RFC 4511 section 4.5.3). Throws an
 * `Error` for a referral that makes no sense or goes on for ever, and what `ask` throws.
 */
export async function followReferrals(
  answer: LdapAnswer,
  query: LdapQuery,
  ask: AskServer,
  hops = 0,
): Promise<LdapEntry[]> {
  const entries = [...answer.entries];
  for (const reference of answer.references) {
    if (hops === MOST_HOPS) {
      throw new Error(`more than ${MOST_HOPS} referrals one behind the other: ${reference}`);
    }
    const { server, query: referred } = readReferral(reference, query);
    const further = await ask(server, referred);
    if (further !== undefined) entries.push(...await followReferrals(further, referred, ask, hops + 1));
  }
  return entries;
}

/** The search that a referral asks for: what its URL leaves out is as in the search that led to it. */
function readReferral(reference: string, query: LdapQuery): { server: LdapServer; query: LdapQuery } {
  const url = parseLdapUrl(reference);
  const [address] = /^ldaps?:\/\/[^/?]+/i.exec(reference) ?? [];
  if (url === undefined || address === undefined || !URL.canParse(address)) {
    throw new Error(`malformed referral ${reference}`);
  }
  const [, , scope = "", filter = ""] = reference.slice(address.length).split("?");
  return {
    server: { url: address, path: undefined, label: address, rank: 0 },
    query: {
      base: url.base === "" ? query.base : url.base,
      scope: scope === "" ? query.scope : url.scope,
      filter: filter === "" ? query.filter : url.filter,
      attributes: query.attributes,
    },
  };
}
