import type { Config } from "../../../core/config/mod.ts";
import { matchList, splitList, TableError, TableSet } from "../../../core/table/mod.ts";
import { fatal, type Finding, warning } from "../finding.ts";

/** The lists of domains; a domain may stand in one of them (ADDRESS_CLASS_README). In the order in which they count. */
const CLASSES = [
  "mydestination",
  "virtual_alias_domains",
  "virtual_mailbox_domains",
  "relay_domains",
] as const;
/** Most domains that are looked at. */
const MOST_DOMAINS = 20_000;
const LISTABLE = new Set(["hash", "btree", "cdb", "lmdb", "texthash", "inline"]);

/** The domains that a list spells out: its words, the lines of its files, the keys of tables that can be listed. */
function* domainsOf(value: string, tables: TableSet): Generator<string> {
  for (const word of splitList(value)) {
    if (word.startsWith("!") || word.startsWith(".")) continue;
    if (word.startsWith("/")) {
      try {
        yield* domainsOf(Deno.readTextFileSync(word).replace(/^\s*#.*$/gm, ""), tables);
      } catch {
        // A file that can't be read shows where the list is used.
      }
      continue;
    }
    const type = /^(?:proxy:|debug:)*([a-z]+):./.exec(word)?.[1];
    if (type === undefined) {
      if (/^[^\s@/:]+$/.test(word)) yield word.toLowerCase();
      continue;
    }
    if (!LISTABLE.has(type)) continue;
    try {
      for (const [key] of tables.open(word).entries!() as Iterable<readonly [string, string]>) {
        if (!key.includes("@") && key.includes(".")) yield key.replace(/\0$/, "").toLowerCase();
      }
    } catch (error) {
      if (!(error instanceof TableError)) throw error;
    }
  }
}

/** Domains that stand in two classes: the first one counts, and the other's tables are never asked. */
export async function checkClasses(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  const tables = new TableSet(config);
  try {
    // By default the relay domains are the local ones: that means nothing.
    const used = CLASSES.filter((name) => name !== "relay_domains" || config.isSet(name));
    const lists = used.map((name) => ({
      name,
      list: matchList(name === "relay_domains" ? "domain" : "string", config.string(name), tables, {
        name,
        parentDomainMatchesSubdomains: false,
      }),
    }));
    const domains = new Set<string>();
    for (const name of used) {
      for (const domain of domainsOf(config.string(name), tables)) {
        if (domains.size < MOST_DOMAINS) domains.add(domain);
      }
    }
    for (const domain of domains) {
      const inside: string[] = [];
      for (const { name, list } of lists) if (await matches(list, domain)) inside.push(name);
      const [first, second] = inside;
      if (second === undefined) continue;
      findings.push(
        warning(
          `do not list domain ${domain} in BOTH ${first} and ${second}: only ${first} counts; ` +
            `take it out of one of them`,
        ),
      );
    }
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    // Nothing can be routed without these lists; what is only out of reach now may come back.
    findings.push(error.kind === "configuration" ? fatal(error.message) : warning(error.message));
  } finally {
    tables.close();
  }
  return findings;
}

async function matches(list: ReturnType<typeof matchList>, domain: string): Promise<boolean> {
  try {
    return await list.matches(domain);
  } catch (error) {
    // A table that is down or not made yet is a finding of the table check.
    if (error instanceof TableError) return false;
    throw error;
  }
}
