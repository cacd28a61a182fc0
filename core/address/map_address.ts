import type { Addressing } from "./addressing.ts";
import { addressesOf, addressText, parseAddressList } from "./address_list.ts";
import { findAddress, type FindScope } from "./find.ts";
import type { MapList } from "./map_list.ts";
import { toExternal, toInternal } from "./quote.ts";
import { TableError } from "../table/types.ts";
import type { Steps } from "./steps.ts";

/** A table that can't answer, or one whose answers never end: the message is not accepted now. */
export class AddressMapError extends Error {
  override readonly name = "AddressMapError";
  constructor(
    /** `lookup`: a table failed; `expansion`: too many or too long results, or no end. */
    readonly kind: "lookup" | "expansion",
    /** Without the queue id, as Postfix logs it. */
    message: string,
  ) {
    super(message);
  }
}

/**
 * Looks an address (internal form) up and gives the addresses that replace it, canonical and in internal form;
 * undefined if there is no entry. `@domain` keeps the local part; `propagate` carries an unmatched extension over
 * (`propagate_unmatched_extensions`). Throws `AddressMapError` when a table fails.
 */
export function* mapAddress(
  addressing: Pick<Addressing, "rewrite" | "rules">,
  maps: MapList,
  address: string,
  propagate: boolean,
  scope?: FindScope,
): Steps<string[] | undefined> {
  let found;
  try {
    found = yield* findAddress(addressing.rules, maps, address, scope);
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    throw new AddressMapError(
      "lookup",
      `${maps.title} map lookup problem for ${address} -- message not accepted, try again later`,
    );
  }
  if (found === undefined) return undefined;
  const { value } = found;
  if (value.startsWith("@")) {
    const local = address.slice(0, address.lastIndexOf("@") === -1 ? undefined : address.lastIndexOf("@"));
    return crunch(addressing, toExternal(local) + value, "");
  }
  return crunch(addressing, value, propagate ? found.extension : "");
}

/** The addresses of a table result, rewritten to canonical form, `extension` added to each. */
function crunch(addressing: Pick<Addressing, "rewrite">, value: string, extension: string): string[] {
  const text = value === "" || value === "<>" ? '""' : value;
  return addressesOf(parseAddressList(text)).map((node) => {
    const canonical = toInternal(addressing.rewrite("local", addressText(node)));
    if (extension === "") return canonical;
    const at = canonical.lastIndexOf("@");
    return at === -1 ? canonical + extension : canonical.slice(0, at) + extension + canonical.slice(at);
  });
}
