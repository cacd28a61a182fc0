import type { Config } from "./types.ts";

/**
 * The address families that the system speaks (`inet_protocols`). Words that are none are refused when the mail system
 * starts.
 */
export function inetFamilies(config: Config): { readonly ipv4: boolean; readonly ipv6: boolean } {
  const words = config.list("inet_protocols").map((word) => word.toLowerCase());
  const all = words.includes("all");
  return { ipv4: all || words.includes("ipv4"), ipv6: all || words.includes("ipv6") };
}

/** The same as the versions of the protocol. */
export function inetVersions(config: Config): (4 | 6)[] {
  const { ipv4, ipv6 } = inetFamilies(config);
  return [...(ipv4 ? [4 as const] : []), ...(ipv6 ? [6 as const] : [])];
}
