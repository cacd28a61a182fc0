import type { OpenContext } from "../context.ts";
import { commonAttributes, parseLdapUrl } from "./ldap_url.ts";
import type { LdapSettings } from "./ldap_settings.ts";
import { queryError } from "./query_error.ts";

/** One search. */
export interface LdapQuery {
  readonly base: string;
  readonly filter: string;
  readonly scope: "base" | "one" | "sub";
  readonly attributes: readonly string[];
}

/** The attributes of an entry with their values, in the server's order. */
export type LdapEntry = readonly (readonly [string, readonly string[]])[];

/** Does a search. */
export type LdapSearch = (query: LdapQuery) => Promise<readonly LdapEntry[]>;

/** The recursion may do this many searches for each level that it may go down. */
const SEARCHES_PER_LEVEL = 10;

/**
 * The values that a search leads to: those of its entries and, where special attributes name further entries or hold LDAP
 * URLs, of those, in the order in which they come (ldap_table(5)). Throws `TableError` when `recursion_limit` is reached.
 */
export async function collectValues(
  query: LdapQuery,
  search: LdapSearch,
  settings: LdapSettings,
  context: OpenContext,
): Promise<string[]> {
  const { terminal, special, leaf, ordinary } = settings.attributes;
  const terminals = lowerCase(terminal);
  const specials = lowerCase(special);
  const leaves = lowerCase(leaf);
  const ordinaries = lowerCase(ordinary);
  const most = settings.recursionLimit * SEARCHES_PER_LEVEL;
  const values: string[] = [];
  let searches = 0;

  const follow = async (current: LdapQuery, depth: number): Promise<void> => {
    searches += 1;
    if (depth > settings.recursionLimit || searches > most) {
      throw queryError(
        context,
        `${context.type}:${context.name}: Recursion limit exceeded for: base ${current.base} filter ${current.filter}`,
      );
    }
    for (const entry of await search(current)) {
      const present = entry.filter(([, held]) => held.length > 0)
        .map(([name, held]) => ({ name: name.toLowerCase(), held }));
      const isTerminal = present.some(({ name }) => terminals.has(name));
      const isGroup = present.some(({ name }) => specials.has(name));
      for (const { name, held } of present) {
        // One value more than allowed is enough to see that there are too many.
        if (settings.expansionLimit > 0 && values.length > settings.expansionLimit) return;
        if (isTerminal ? terminals.has(name) : ordinaries.has(name) || (!isGroup && leaves.has(name))) {
          values.push(...held);
        } else if (!isTerminal && specials.has(name)) {
          for (const reference of held) {
            const next = referenced(reference, query.attributes, context);
            if (next !== undefined) await follow(next, depth + 1);
          }
        }
      }
    }
  };
  await follow(query, 1);
  return values;
}

function lowerCase(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map((name) => name.toLowerCase()));
}

/** The search for what a special attribute's value names: an entry, or the entries of a URL. */
function referenced(
  text: string,
  attributes: readonly string[],
  context: OpenContext,
): LdapQuery | undefined {
  if (!/^ldap[is]?:\/\//i.test(text)) {
    return { base: text, filter: "(objectClass=*)", scope: "base", attributes };
  }
  const url = parseLdapUrl(text);
  if (url === undefined) {
    context.log.warning(`${context.type}:${context.name}: malformed URL ${text}`);
    return undefined;
  }
  const wanted = commonAttributes(attributes, url.attributes);
  return wanted.length === 0 ? undefined : { ...url, attributes: wanted };
}
