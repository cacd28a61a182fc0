/**
 * Addresses: syntax both ways (RFC 5321, RFC 5322), the order in which tables are asked about them, rewriting to
 * canonical form and routing (trivial-rewrite(8)), valid recipients, and the rewriting of envelopes and headers
 * that cleanup(8) does (canonical(5), masquerading, virtual(5), generic(5), automatic BCC).
 */
export {
  addressesOf,
  type AddressNode,
  formatAddressList,
  type ListNode,
  parseAddressList,
} from "./address_list.ts";
export { type Addressing, createAddressing } from "./addressing.ts";
export { type FindRules, type FindScope, type Found } from "./find.ts";
export { foldAddressList } from "./fold_list.ts";
export { isHostname, literalAddress } from "./hostname.ts";
export { createGenericMap, type GenericMap } from "./generic.ts";
export { AddressMapError } from "./map_address.ts";
export type { MapList } from "./map_list.ts";
export { isDotString, toExternal, toInternal } from "./quote.ts";
export type { RecipientCheck } from "./recipients.ts";
export type { AddressClass, Resolved } from "./resolved.ts";
export { isPlain } from "./rewrite.ts";
export { createRewriting, type Rewriting, type RewrittenRecipient } from "./rewriting.ts";
export {
  type AddressParts,
  type ExtensionRules,
  splitExtension,
  splitLocalDomain,
  type UserExtension,
} from "./split.ts";
export { runSteps, type Steps, wait } from "./steps.ts";
export { scanTokens, type Token, type TokenKind, tokensToInternal } from "./tokens.ts";
export type { AddressDeps, AddressLog, RewriteContext, Routing } from "./types.ts";
