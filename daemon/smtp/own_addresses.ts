import { isIP } from "node:net";
import type { Config } from "../../core/config/types.ts";
import { canonicalAddress } from "../../core/dns/mod.ts";

/** The addresses that `inet_interfaces` and `proxy_interfaces` name, in canonical form. Host names are left out. */
export function ownAddresses(config: Config): ReadonlySet<string> {
  const addresses = new Set<string>();
  const add = (text: string) => {
    const bare = text.replace(/^\[(?:ipv6:)?(.*)\]$/i, "$1");
    if (isIP(bare) !== 0) addresses.add(canonicalAddress(bare) ?? bare);
  };
  const interfaces = config.list("inet_interfaces");
  for (const item of [...interfaces, ...config.list("proxy_interfaces")]) {
    if (item === "all") {
      // The unspecified address reaches this system as well.
      for (const address of ["0.0.0.0", "::"]) add(address);
      for (const { address } of Deno.networkInterfaces()) add(address);
    } else if (item === "loopback-only" || item.toLowerCase() === "localhost") {
      add("127.0.0.1");
      add("::1");
    } else add(item);
  }
  return addresses;
}
