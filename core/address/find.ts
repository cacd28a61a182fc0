import type { MapList } from "./map_list.ts";
import { toExternal } from "./quote.ts";
import { type ExtensionRules, splitExtension } from "./split.ts";
import type { Steps } from "./steps.ts";

/** What the search order depends on. */
export interface FindRules extends ExtensionRules {
  /** `$myorigin`; addresses in it are also found without their domain. */
  readonly origin: string;
  isLocalDomain(domain: string): Steps<boolean>;
  /** A name without its case, as tables and lists compare it. */
  foldCase(name: string): string;
}

/** Partial keys that are tried after the whole address and the address without its extension. */
export interface FindScope {
  /** `user` for addresses in local domains. */
  readonly localPart?: boolean;
  /** `@domain`. */
  readonly atDomain?: boolean;
  /** `domain`, then parent domains: `parent` as such, `dotted` with a leading dot. */
  readonly domain?: "parent" | "dotted";
}

/** The order of canonical(5), virtual(5), relocated(5) and most other address tables. */
const FULL_SCOPE: FindScope = { localPart: true, atDomain: true };

/**
 * A hit, with the extension (delimiter included) that the key did not cover; a key without a user name covers all
 * extensions.
 */
export interface Found {
  readonly value: string;
  readonly extension: string;
}

/** Keys are tried in quoted form first, as the manual has it, then unquoted as older tables have it. */
function* findForm(maps: MapList, internal: string, fixedOnly: boolean): Steps<string | undefined> {
  const external = toExternal(internal);
  const value = yield* maps.find(external, fixedOnly);
  if (value !== undefined || external === internal) return value;
  return yield* maps.find(internal, fixedOnly);
}

/**
 * Looks an address (internal form) up: `user+ext@domain`, `user@domain`, then what `scope` adds: `user+ext` and
 * `user` in local domains, `@domain`, the domain and its parents. Tables of patterns see whole addresses only.
 */
export function* findAddress(
  rules: FindRules,
  maps: MapList,
  address: string,
  scope: FindScope = FULL_SCOPE,
): Steps<Found | undefined> {
  if (maps.isEmpty) return undefined;
  const whole = yield* findForm(maps, address, false);
  if (whole !== undefined) return { value: whole, extension: "" };

  const at = address.lastIndexOf("@");
  const local = at === -1 ? address : address.slice(0, at);
  const domain = at === -1 ? "" : address.slice(at + 1);
  const split = splitExtension(local, rules);
  const extension = split === undefined ? "" : split.delimiter + split.extension;
  if (split !== undefined) {
    const value = yield* findForm(maps, at === -1 ? split.user : `${split.user}@${domain}`, true);
    if (value !== undefined) return { value, extension };
  }
  if (at === -1) return undefined;
  if (
    scope.localPart &&
    (domain.toLowerCase() === rules.origin.toLowerCase() || (yield* rules.isLocalDomain(domain)))
  ) {
    const full = yield* findForm(maps, local, true);
    if (full !== undefined) return { value: full, extension: "" };
    if (split !== undefined) {
      const value = yield* findForm(maps, split.user, true);
      if (value !== undefined) return { value, extension };
    }
  }
  if (scope.atDomain) {
    const value = yield* maps.find(`@${domain}`, true);
    if (value !== undefined) return { value, extension: "" };
  }
  return scope.domain === undefined ? undefined : yield* findDomain(maps, domain, scope.domain);
}

function* findDomain(
  maps: MapList,
  domain: string,
  style: "parent" | "dotted",
): Steps<Found | undefined> {
  for (let key = domain; key !== "";) {
    const value = yield* maps.find(key, true);
    if (value !== undefined) return { value, extension: "" };
    const dot = key.indexOf(".", 1);
    if (dot === -1) return undefined;
    key = style === "parent" ? key.slice(dot + 1) : key.slice(dot);
  }
  return undefined;
}
