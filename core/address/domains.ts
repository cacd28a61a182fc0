import type { AddressDeps } from "./types.ts";
import { literalAddress } from "./hostname.ts";
import { type NameList, openNameList } from "./name_list.ts";
import { canonicalAddress, ownAddressSet } from "./own_addresses.ts";
import type { Steps } from "./steps.ts";

/** The domains of the address classes that are listed in main.cf. */
export interface DomainLists {
  readonly local: NameList;
  readonly virtualAlias: NameList;
  readonly virtualMailbox: NameList;
  readonly relay: NameList;
  /** `mydestination`, or the literal of one of this host's addresses. */
  isLocal(domain: string): Steps<boolean>;
}

/** Opens `mydestination`, `virtual_alias_domains`, `virtual_mailbox_domains` and `relay_domains`. */
export function openDomainLists(deps: AddressDeps): DomainLists {
  const local = openNameList(deps, "mydestination", "string");
  let own: ReadonlySet<string> | undefined;
  return {
    local,
    virtualAlias: openNameList(deps, "virtual_alias_domains", "string"),
    virtualMailbox: openNameList(deps, "virtual_mailbox_domains", "string"),
    relay: openNameList(deps, "relay_domains", "domain"),
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
