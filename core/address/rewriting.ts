import type { MaybePromise } from "../table/types.ts";
import { addressesOf, type AddressNode, formatAddressList, parseAddressList } from "./address_list.ts";
import type { Addressing } from "./addressing.ts";
import { expandAliases, type ExpansionLimits } from "./alias_expansion.ts";
import type { AddressDeps, RewriteContext } from "./types.ts";
import { findAddress } from "./find.ts";
import { mapAddress } from "./map_address.ts";
import { type MapList, openMapList } from "./map_list.ts";
import { createMasquerade } from "./masquerade.ts";
import { toExternal, toInternal } from "./quote.ts";
import { runSteps, type Steps } from "./steps.ts";
import { scanTokens } from "./tokens.ts";

/** What becomes of one recipient. */
export interface RewrittenRecipient {
  /** After canonical mapping and masquerading, before alias expansion; what recipient_bcc_maps is asked about. */
  readonly address: string;
  /** Where it is delivered: the address itself, or what virtual_alias_maps made of it. */
  readonly expanded: readonly string[];
}

/** The rewriting that cleanup(8) does. All addresses are in internal form; failures are `AddressMapError`. */
export interface Rewriting {
  /** `map` false (`no_address_mappings`): canonical form only, no tables. */
  rewriteEnvelopeSender(sender: string, map?: boolean): MaybePromise<string>;
  rewriteRecipient(recipient: string, map?: boolean): MaybePromise<RewrittenRecipient>;
  /**
   * The value of an address header (behind the colon, folded lines joined by newlines or blanks). Undefined if
   * nothing changed: then the header stays as it was written. In the result a newline stands where a line ends; the
   * next line starts without white space.
   */
  rewriteHeaderAddresses(
    value: string,
    scope: "sender" | "recipient",
    context: RewriteContext,
    map?: boolean,
  ): MaybePromise<string | undefined>;
  /** `sender_bcc_maps`, `recipient_bcc_maps`: one more recipient, not yet rewritten. */
  senderBcc(sender: string): MaybePromise<string | undefined>;
  recipientBcc(recipient: string): MaybePromise<string | undefined>;
}

/** Where an address stands, as `*_canonical_classes` and `masquerade_classes` name it. */
type AddressPlace = "envelope_sender" | "envelope_recipient" | "header_sender" | "header_recipient";

/** No canonical table may lead on for longer. */
const MAX_CANONICAL_STEPS = 1000;

/** Compiles the rewriting of one configuration snapshot. Throws `ConfigError` or `TableError`. */
export function createRewriting(deps: AddressDeps & { readonly addressing: Addressing }): Rewriting {
  const { config, addressing } = deps;
  const common = openMapList(deps, "canonical_maps");
  const bySide: Record<"sender" | "recipient", MapList> = {
    sender: openMapList(deps, "sender_canonical_maps"),
    recipient: openMapList(deps, "recipient_canonical_maps"),
  };
  const virtualAliases = openMapList(deps, "virtual_alias_maps");
  const senderBccMaps = openMapList(deps, "sender_bcc_maps");
  const recipientBccMaps = openMapList(deps, "recipient_bcc_maps");
  const masquerade = createMasquerade(deps);
  const commonClasses = new Set(config.list("canonical_classes"));
  const sideClasses = {
    sender: new Set(config.list("sender_canonical_classes")),
    recipient: new Set(config.list("recipient_canonical_classes")),
  };
  const masqueradeClasses = new Set(config.list("masquerade_classes"));
  const propagated = new Set(config.list("propagate_unmatched_extensions"));
  const tokenLimit = config.int("header_address_token_limit");
  const limits: ExpansionLimits = {
    expansion: config.int("virtual_alias_expansion_limit"),
    recursion: config.int("virtual_alias_recursion_limit"),
    addressLength: config.int("virtual_alias_address_length_limit"),
  };
  // What notices are from; nothing is sent back there.
  const nullSender = `mailer-daemon@${addressing.rules.origin}`.toLowerCase();
  const nothingMapped = common.isEmpty && bySide.sender.isEmpty && bySide.recipient.isEmpty &&
    masquerade.isEmpty;

  /** Follows a canonical table to its end, or as far as is reasonable; of several results the first counts. */
  function* canonical(maps: MapList, address: string): Steps<string> {
    let current = address;
    for (let count = 0; count < MAX_CANONICAL_STEPS; count++) {
      const results = yield* mapAddress(addressing, maps, current, propagated.has("canonical"));
      if (results === undefined || results.length === 0) return current;
      if (results.length > 1) deps.log?.warning(`multi-valued ${maps.title} entry for ${current}`);
      const [first] = results as [string];
      if (first.toLowerCase() === current.toLowerCase()) return first;
      current = first;
    }
    deps.log?.warning(
      `unreasonable ${maps.title} map nesting for ${address} -- message not accepted, try again later`,
    );
    return current;
  }

  function* mapped(address: string, place: AddressPlace, side: "sender" | "recipient"): Steps<string> {
    let result = address;
    if (!bySide[side].isEmpty && sideClasses[side].has(place)) {
      result = yield* canonical(bySide[side], result);
    }
    if (!common.isEmpty && commonClasses.has(place)) result = yield* canonical(common, result);
    if (!masquerade.isEmpty && masqueradeClasses.has(place)) result = yield* masquerade.apply(result);
    return result;
  }

  function* rewriteSender(sender: string, map: boolean): Steps<string> {
    const address = addressing.rewriteInternal("local", sender);
    if (address.toLowerCase() === nullSender) return "";
    return map ? yield* mapped(address, "envelope_sender", "sender") : address;
  }

  function* rewriteRecipient(recipient: string, map: boolean): Steps<RewrittenRecipient> {
    const start = recipient === "" ? config.string("empty_address_recipient") : recipient;
    let address = addressing.rewriteInternal("local", start);
    if (!map) return { address, expanded: [address] };
    address = yield* mapped(address, "envelope_recipient", "recipient");
    const expanded = yield* expandAliases(
      addressing,
      virtualAliases,
      address,
      propagated.has("virtual"),
      limits,
    );
    return { address, expanded };
  }

  function* rewriteNode(
    node: AddressNode,
    scope: "sender" | "recipient",
    context: RewriteContext,
    map: boolean,
  ): Steps<boolean> {
    const before = formatAddressList(node.tokens, " ");
    const written = addressing.rewrite(context, before);
    let after = written;
    if (map && !nothingMapped) {
      const place = scope === "sender" ? "header_sender" : "header_recipient";
      after = toExternal(yield* mapped(toInternal(written), place, scope));
    }
    if (after === before) return false;
    node.tokens = scanTokens(after);
    return true;
  }

  function* rewriteHeader(
    value: string,
    scope: "sender" | "recipient",
    context: RewriteContext,
    map: boolean,
  ): Steps<string | undefined> {
    const list = parseAddressList(value, tokenLimit);
    let changed = false;
    for (const node of addressesOf(list)) {
      if (yield* rewriteNode(node, scope, context, map)) changed = true;
    }
    return changed ? formatAddressList(list, "\n") : undefined;
  }

  function* bcc(maps: MapList, address: string): Steps<string | undefined> {
    if (address === "" || maps.isEmpty) return undefined;
    return (yield* findAddress(addressing.rules, maps, address))?.value;
  }

  return {
    rewriteEnvelopeSender: (sender, map = true) => sender === "" ? "" : runSteps(rewriteSender(sender, map)),
    rewriteRecipient: (recipient, map = true) => runSteps(rewriteRecipient(recipient, map)),
    rewriteHeaderAddresses: (value, scope, context, map = true) =>
      runSteps(rewriteHeader(value, scope, context, map)),
    senderBcc: (sender) => runSteps(bcc(senderBccMaps, sender)),
    recipientBcc: (recipient) => runSteps(bcc(recipientBccMaps, recipient)),
  };
}
