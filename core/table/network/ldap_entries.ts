import type { OpenContext } from "../context.ts";
import { dependsOnKey } from "../query_template.ts";
import { commonAttributes, parseLdapUrl } from "./ldap_url.ts";
import type { LdapSettings } from "./ldap_settings.ts";
import { queryError } from "../query_error.ts";

/** One search. */
export interface LdapQuery {
  readonly base: string;
  readonly filter: string;
  readonly scope: "base" | "one" | "sub";
  readonly attributes: readonly string[];
}

/** The attributes of an entry with their values, in the server's order. */
export type LdapEntry = readonly (readonly [string, readonly string[]])[];

/** Does a search; undefined if its base does not exist. */
export type LdapSearch = (query: LdapQuery) => Promise<readonly LdapEntry[] | undefined>;

/** The recursion may do this many searches for each level that it may go down. */
const SEARCHES_PER_LEVEL = 10;

/**
 * The values that a search leads to: those of its entries and, where special attributes name further entries or hold LDAP
 * URLs, of those, in the order in which they come (ldap_table(5)). Throws `TableError` when `recursion_limit` is reached, for
 * a URL that makes no sense, and when the search base does not exist whatever the key is.
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

  const readEntries = async (entries: readonly LdapEntry[], depth: number): Promise<void> => {
    for (const entry of entries) {
      const present = entry.filter(([, held]) => held.length > 0)
        .map(([name, held]) => ({ name: name.toLowerCase(), shown: name, held }));
      const isTerminal = present.some(({ name }) => terminals.has(name));
      const isGroup = present.some(({ name }) => specials.has(name));
      for (const { name, shown, held } of present) {
        // One value more than allowed is enough to see that there are too many.
        if (settings.expansionLimit > 0 && values.length > settings.expansionLimit) return;
        if (isTerminal ? terminals.has(name) : ordinaries.has(name) || (!isGroup && leaves.has(name))) {
          values.push(...held);
        } else if (!isTerminal && specials.has(name)) {
          for (const reference of held) await follow(shown, reference, depth);
        }
      }
    }
  };
  const follow = async (attribute: string, reference: string, depth: number): Promise<void> => {
    const failed = (problem: string) => queryError(context, `dict_ldap_get_values[${depth}]: ${problem}`);
    searches += 1;
    if (depth >= settings.recursionLimit || searches > most) {
      throw failed(
        `${context.name}: Recursion limit exceeded for special attribute ${attribute}=${reference}`,
      );
    }
    const next = referenced(reference, query.attributes);
    if (next === "malformed") throw failed(`malformed URL ${reference}`);
    if (next === "nothing wanted") return;
    const entries = await search(next);
    if (entries === undefined) {
      context.log.warning(`dict_ldap_get_values[${depth}]: DN ${next.base} not found, skipping`);
    } else await readEntries(entries, depth + 1);
  };
  const entries = await search(query);
  if (entries !== undefined) await readEntries(entries, 1);
  else if (!dependsOnKey(settings.searchBase)) {
    throw queryError(
      context,
      `dict_ldap_lookup: ${context.name}: Search base '${query.base}' not found: 32: No such object`,
    );
  }
  return values;
}

function lowerCase(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map((name) => name.toLowerCase()));
}

/** The search for what a special attribute's value names: an entry, or the entries of a URL. */
function referenced(text: string, attributes: readonly string[]): LdapQuery | "malformed" | "nothing wanted" {
  if (!/^ldap[is]?:\/\//i.test(text)) {
    return { base: text, filter: "(objectClass=*)", scope: "base", attributes };
  }
  const url = parseLdapUrl(text);
  if (url === undefined) return "malformed";
  const wanted = commonAttributes(attributes, url.attributes);
  return wanted.length === 0 ? "nothing wanted" : { ...url, attributes: wanted };
}
