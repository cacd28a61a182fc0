import type { AddressDeps } from "./types.ts";
import { literalAddress } from "./hostname.ts";

/** The form in which equal addresses are equal strings: IPv4 as it is, IPv6 compressed by the URL parser. */
export function canonicalAddress(address: string): string {
  if (!address.includes(":")) return address;
  try {
    const host = new URL(`http://[${address}]/`).hostname.slice(1, -1);
    const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host);
    if (mapped === null) return host;
    const high = parseInt(mapped[1]!, 16);
    const low = parseInt(mapped[2]!, 16);
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  } catch {
    return address;
  }
}

/**
 * Addresses that mail to `user@[address]` may name for this host: what `inet_interfaces` and `proxy_interfaces`
 * say. A host name in `inet_interfaces` other than `localhost` is known only to who binds it and comes with
 * `ownAddresses`.
 */
export function ownAddressSet(deps: AddressDeps): ReadonlySet<string> {
  const addresses = new Set<string>();
  const add = (text: string) => addresses.add(canonicalAddress(literalAddress(text) ?? text));
  for (const item of deps.config.list("proxy_interfaces")) add(item);
  if (deps.ownAddresses !== undefined) {
    deps.ownAddresses.forEach(add);
    return addresses;
  }
  for (const item of deps.config.list("inet_interfaces")) {
    if (item === "all") Deno.networkInterfaces().forEach((each) => add(each.address));
    else if (item === "loopback-only" || item.toLowerCase() === "localhost") {
      add("127.0.0.1");
      add("::1");
    } else add(item.replace(/^\[(.*)\]$/, "$1"));
  }
  return addresses;
}
