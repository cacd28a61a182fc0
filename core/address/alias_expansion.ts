import type { Addressing } from "./addressing.ts";
import { AddressMapError, mapAddress } from "./map_address.ts";
import type { MapList } from "./map_list.ts";
import type { Steps } from "./steps.ts";

/** Bounds of one recipient's expansion. */
export interface ExpansionLimits {
  /** `virtual_alias_expansion_limit`: addresses. */
  readonly expansion: number;
  /** `virtual_alias_recursion_limit`: lookups in a row for one address. */
  readonly recursion: number;
  /** `virtual_alias_address_length_limit`: characters of one result. */
  readonly addressLength: number;
}

const REFUSED = "message not accepted, try again later";

/**
 * Expands a recipient (internal form) through `maps` until nothing is found any more. An address that expands into
 * itself is kept and not looked up again. Throws `AddressMapError` beyond the limits or when a table fails.
 */
export function* expandAliases(
  addressing: Pick<Addressing, "rewrite" | "rules">,
  maps: MapList,
  recipient: string,
  propagate: boolean,
  limits: ExpansionLimits,
): Steps<string[]> {
  const expanded = [recipient];
  if (maps.isEmpty) return expanded;
  const done = new Set<string>();
  for (let index = 0; index < expanded.length; index++) {
    if (expanded.length > limits.expansion) {
      throw new AddressMapError(
        "expansion",
        `unreasonable ${maps.title} map expansion size for ${recipient} -- ${REFUSED}`,
      );
    }
    for (let count = 0;; count++) {
      const current = expanded[index]!;
      if (done.has(current)) break;
      if (count >= limits.recursion) {
        throw new AddressMapError(
          "expansion",
          `unreasonable ${maps.title} map nesting for ${recipient} -- ${REFUSED}`,
        );
      }
      const results = yield* mapAddress(addressing, maps, current, propagate);
      if (results === undefined || results.length === 0) break;
      for (const result of results) {
        if (result.length > limits.addressLength) {
          throw new AddressMapError(
            "expansion",
            `unreasonable ${maps.title} result ${result.slice(0, 300)}... -- ${REFUSED}`,
          );
        }
        // An address may expand into itself once.
        if (result.toLowerCase() === current.toLowerCase()) done.add(current);
      }
      expanded[index] = results[0]!;
      // Not push(...results): a result can be longer than an argument list may be.
      for (let i = 1; i < results.length; i++) expanded.push(results[i]!);
    }
  }
  return expanded;
}
