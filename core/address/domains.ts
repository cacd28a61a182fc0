import type { AddressDeps } from "./deps.ts";
import { literalAddress } from "./hostname.ts";
import { type MatchList, openMatchList } from "./match_list.ts";
import { canonicalAddress, ownAddressSet } from "./own_addresses.ts";
import type { Steps } from "./steps.ts";

/** The domains of the address classes that are listed in main.cf. */
export interface DomainLists {
  readonly local: MatchList;
  readonly virtualAlias: MatchList;
  readonly virtualMailbox: MatchList;
  readonly relay: MatchList;
  /** `mydestination`, or the literal of one of this host's addresses. */
  isLocal(domain: string): Steps<boolean>;
}

/** Opens `mydestination`, `virtual_alias_domains`, `virtual_mailbox_domains` and `relay_domains`. */
export function openDomainLists(deps: AddressDeps): DomainLists {
  const local = openMatchList(deps, "mydestination", "string");
  let own: ReadonlySet<string> | undefined;
  return {
    local,
    virtualAlias: openMatchList(deps, "virtual_alias_domains", "string"),
    virtualMailbox: openMatchList(deps, "virtual_mailbox_domains", "string"),
    relay: openMatchList(deps, "relay_domains", "domain"),
    *isLocal(domain) {
      const name = domain.endsWith(".") && domain !== "." ? domain.slice(0, -1) : domain;
      if (name === "") return false;
      if (yield* local.matches(name)) return true;
      const address = literalAddress(name);
      if (address === undefined) return false;
      own ??= ownAddressSet(deps);
      return own.has(canonicalAddress(address));
    },
  };
}
