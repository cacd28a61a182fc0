/** Host lookups the way the C library does them: hosts file and DNS in the order of nsswitch.conf. */
import { isIP } from "node:net";
import { canonicalAddress } from "./name.ts";
import type { HostsFile, WatchedText } from "./system_config.ts";
import { type AddressRecord, DnsError, HostLookupError, type Resolver } from "./types.ts";

/** The files that steer it. */
export interface NativeFiles {
  readonly hosts: WatchedText<HostsFile>;
  readonly nsswitch: WatchedText<readonly ("files" | "dns")[]>;
}

/** getaddrinfo(3)'s texts. */
const TEXT = {
  notFound: "Name or service not known",
  noData: "No address associated with hostname",
  temporary: "Temporary failure in name resolution",
} as const;

function lookupError(kind: keyof typeof TEXT): HostLookupError {
  return new HostLookupError(kind, TEXT[kind]);
}

function fromDns(error: unknown): HostLookupError {
  if (!(error instanceof DnsError)) throw error;
  if (error.kind === "notFound") return lookupError("notFound");
  return lookupError(error.kind === "noData" ? "noData" : "temporary");
}

function record(address: string): AddressRecord {
  return { family: address.includes(":") ? 6 : 4, address };
}

/** Addresses of a name, or the address itself. Rejects with `HostLookupError`. */
export async function lookUpHost(
  resolver: Resolver,
  files: NativeFiles,
  name: string,
  families: readonly (4 | 6)[],
): Promise<readonly AddressRecord[]> {
  if (isIP(name) !== 0) {
    const own = record(canonicalAddress(name) ?? name);
    if (!families.includes(own.family)) throw lookupError("noData");
    return [own];
  }
  let problem: HostLookupError | undefined;
  for (const service of files.nsswitch.value) {
    if (service === "files") {
      const known = files.hosts.value.addresses.get(name.toLowerCase())?.map(record) ?? [];
      const usable = known.filter((entry) => families.includes(entry.family));
      if (usable.length > 0) return usable;
      continue;
    }
    try {
      return await resolver.addresses(name, families, { search: true });
    } catch (error) {
      problem = fromDns(error);
    }
  }
  throw problem ?? lookupError("notFound");
}

/** Names of an address. Rejects with `HostLookupError`. */
export async function lookUpHostName(
  resolver: Resolver,
  files: NativeFiles,
  address: string,
): Promise<readonly string[]> {
  const canonical = canonicalAddress(address);
  if (canonical === undefined) throw new TypeError(`"${address}" is not an IP address`);
  let problem: HostLookupError | undefined;
  for (const service of files.nsswitch.value) {
    if (service === "files") {
      const names = files.hosts.value.names.get(canonical);
      if (names !== undefined) return names;
      continue;
    }
    try {
      return await resolver.reverse(canonical);
    } catch (error) {
      problem = fromDns(error);
    }
  }
  throw problem ?? lookupError("notFound");
}
