/**
 * Name service: a resolver with its own cache that speaks DNS to the servers of /etc/resolv.conf, and the host lookup of
 * the C library's kind (hosts file first, as nsswitch.conf says).
 */
export { filterReplies, type ReplyFilter } from "./reply_filter.ts";
export { createResolver, type ResolverDeps } from "./resolver.ts";
export {
  type AddressRecord,
  type DnsAnswer,
  DnsError,
  type DnsErrorKind,
  HostLookupError,
  type MxRecord,
  type QueryOptions,
  type RecordData,
  type RecordType,
  type Resolver,
  type SrvRecord,
  type TlsaRecord,
} from "./types.ts";
export { canonicalAddress, reverseName } from "./name.ts";
export type { NameServer, ResolverSettings } from "./system_config.ts";
