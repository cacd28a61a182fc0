import type { MaybePromise } from "../table/types.ts";
import { addressesOf, addressText, formatAddressList, parseAddressList } from "./address_list.ts";
import type { Addressing } from "./addressing.ts";
import type { AddressDeps } from "./types.ts";
import { mapAddress } from "./map_address.ts";
import { openMapList } from "./map_list.ts";
import { toExternal, toInternal } from "./quote.ts";
import { runSteps, type Steps } from "./steps.ts";
import { scanTokens } from "./tokens.ts";

/** generic(5): local addresses replaced when mail leaves by SMTP or LMTP. Failures are `AddressMapError`. */
export interface GenericMap {
  readonly isEmpty: boolean;
  /** An envelope address in internal form. */
  rewrite(address: string): MaybePromise<string>;
  /** A header's value; undefined if nothing changed. Newlines mark line ends, as in `Rewriting`. */
  rewriteHeader(value: string): MaybePromise<string | undefined>;
}

/** @param parameter `smtp_generic_maps` or `lmtp_generic_maps` */
export function createGenericMap(
  deps: AddressDeps & { readonly addressing: Addressing },
  parameter: "smtp_generic_maps" | "lmtp_generic_maps",
): GenericMap {
  const { config, addressing } = deps;
  const maps = openMapList(deps, parameter);
  const propagate = config.list("propagate_unmatched_extensions").includes("generic");
  const tokenLimit = config.int("header_address_token_limit");

  function* rewrite(address: string): Steps<string> {
    if (address === "" || maps.isEmpty) return address;
    const results = yield* mapAddress(addressing, maps, address, propagate);
    if (results === undefined || results.length === 0) return address;
    if (results.length > 1) deps.log?.warning(`multi-valued ${maps.title} result for ${address}`);
    return results[0]!;
  }

  function* rewriteHeader(value: string): Steps<string | undefined> {
    const list = parseAddressList(value, tokenLimit);
    let changed = false;
    for (const node of addressesOf(list)) {
      const before = addressText(node);
      const after = toExternal(yield* rewrite(toInternal(before)));
      if (after === before) continue;
      node.tokens = scanTokens(after);
      changed = true;
    }
    return changed ? formatAddressList(list, "\n") : undefined;
  }

  return {
    isEmpty: maps.isEmpty,
    rewrite: (address) => runSteps(rewrite(address)),
    rewriteHeader: (value) => maps.isEmpty ? undefined : runSteps(rewriteHeader(value)),
  };
}
