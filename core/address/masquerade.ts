import type { AddressDeps } from "./types.ts";
import { openNameList } from "./name_list.ts";
import { type Steps } from "./steps.ts";

/** Hides host names behind their domain (`masquerade_domains`). */
export interface Masquerade {
  readonly isEmpty: boolean;
  /** The address (internal form) with its domain cut down to a masquerade domain, or as it was. */
  apply(address: string): Steps<string>;
}

interface Domain {
  readonly name: string;
  /** `!domain`: hosts below it keep their names. */
  readonly keep: boolean;
}

/** Compiles `masquerade_domains` and `masquerade_exceptions`. */
export function createMasquerade(deps: AddressDeps): Masquerade {
  const domains: Domain[] = deps.config.list("masquerade_domains").map((item) => {
    const name = item.replace(/^!+/, "");
    return { name: name.toLowerCase(), keep: (item.length - name.length) % 2 === 1 };
  });
  const exceptions = openNameList(deps, "masquerade_exceptions", "string");
  return {
    isEmpty: domains.length === 0,
    *apply(address) {
      const at = address.lastIndexOf("@");
      if (at === -1 || domains.length === 0) return address;
      if (yield* exceptions.matches(address.slice(0, at))) return address;
      const lower = address.slice(at + 1).toLowerCase();
      for (const { name, keep } of domains) {
        if (lower === name) return address;
        if (lower.endsWith(`.${name}`)) {
          return keep ? address : address.slice(0, at + 1) + name;
        }
      }
      return address;
    },
  };
}
