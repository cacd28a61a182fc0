import { matchList } from "../table/mod.ts";
import type { AddressDeps } from "./types.ts";
import { type Steps, wait } from "./steps.ts";

/** A list of names, `!names`, `/files` and `type:tables` such as `mydestination`; the first match decides. */
export interface NameList {
  matches(name: string): Steps<boolean>;
}

/** Is `parameter` one of those whose domain patterns match subdomains (`parent_domain_matches_subdomains`)? */
export function parentMatchesSubdomains(deps: AddressDeps, parameter: string): boolean {
  return deps.config.list("parent_domain_matches_subdomains").includes(parameter);
}

/**
 * Opens the list that `parameter` holds: of whole names, or of domains with their subdomains. Throws `TableError` for
 * unreadable files and bad tables.
 */
export function openNameList(deps: AddressDeps, parameter: string, kind: "string" | "domain"): NameList {
  const list = matchList(kind, deps.config.string(parameter), deps.tables, {
    name: parameter,
    parentDomainMatchesSubdomains: kind === "domain" && parentMatchesSubdomains(deps, parameter),
  });
  return {
    *matches(name) {
      return list.isEmpty ? false : yield* wait(list.matches(name));
    },
  };
}
