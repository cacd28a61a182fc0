/** What the rest of the program knows of name service: questions, records, errors. */

/** `MX`, `A` ... as in a DNS question. */
export type RecordType = "A" | "AAAA" | "MX" | "NS" | "PTR" | "TXT" | "SRV" | "TLSA" | "CNAME";

/** An IPv4 or IPv6 address from a name server, in its usual text form. */
export interface AddressRecord {
  readonly family: 4 | 6;
  readonly address: string;
}

export interface MxRecord {
  /** Lower is better. */
  readonly preference: number;
  /** Host name without the final dot, lower case not enforced. */
  readonly exchange: string;
}

export interface SrvRecord {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

/** RFC 6698 section 2.1. */
export interface TlsaRecord {
  readonly usage: number;
  readonly selector: number;
  readonly matchingType: number;
  readonly data: Uint8Array;
}

/** The data of each kind of record. */
export interface RecordData {
  A: AddressRecord;
  AAAA: AddressRecord;
  MX: MxRecord;
  /** The host name of a name server. */
  NS: string;
  PTR: string;
  /** The character strings of one record joined, as octets. */
  TXT: Uint8Array;
  SRV: SrvRecord;
  TLSA: TlsaRecord;
  CNAME: string;
}

/** The records that answer a question; at least one. */
export interface DnsAnswer<T> {
  readonly records: readonly T[];
  /** Seconds that the answer may be kept. */
  readonly ttl: number;
  /** The name server said that it validated the answer (AD bit, RFC 4035). */
  readonly authenticated: boolean;
  /** The name at the end of the CNAME chain. */
  readonly canonicalName: string;
}

/**
 * Why there is no answer. `notFound`: the name does not exist; `noData`: it has no record of this type; `temporary`: ask
 * again later; `failed`: the name server refuses this question for good; `invalid`: the answer makes no sense;
 * `nullMx`: the domain says that it takes no mail (RFC 7505); `filtered`: tables of the administrator's have left
 * nothing of the answer.
 */
export type DnsErrorKind = "notFound" | "noData" | "temporary" | "failed" | "invalid" | "nullMx" | "filtered";

/** A question without an answer. `message` is the text that bounces and logs show. */
export class DnsError extends Error {
  override readonly name = "DnsError";
  constructor(
    readonly kind: DnsErrorKind,
    readonly queryName: string,
    readonly queryType: RecordType,
    message: string,
    /** Seconds that a `notFound` or `noData` may be kept. */
    readonly ttl = 0,
  ) {
    super(message);
  }
}

/** Why the host lookup of the operating system's kind found nothing; `message` is getaddrinfo(3)'s text. */
export class HostLookupError extends Error {
  override readonly name = "HostLookupError";
  constructor(readonly kind: "notFound" | "noData" | "temporary", message: string) {
    super(message);
  }
}

export interface QueryOptions {
  /** Append the `search` domains of resolv.conf to names with too few dots. */
  readonly search?: boolean;
  /** Ask the name server for DNSSEC (sets AD and DO in the question). */
  readonly dnssec?: boolean;
}

export interface Resolver {
  /** Asks for records. Rejects with `DnsError`. Answers come from the cache while their time to live lasts. */
  query<T extends RecordType>(
    name: string,
    type: T,
    options?: QueryOptions,
  ): Promise<DnsAnswer<RecordData[T]>>;
  /** Mail exchangers in no particular order. Kind `nullMx` if the only one is `.`. */
  mx(name: string, options?: QueryOptions): Promise<readonly MxRecord[]>;
  /** Addresses by A and AAAA questions at once. Rejects only if neither has an answer. */
  addresses(
    name: string,
    families: readonly (4 | 6)[],
    options?: QueryOptions,
  ): Promise<readonly AddressRecord[]>;
  /** TXT records as text (see `decodeText`). */
  txt(name: string): Promise<readonly string[]>;
  /** The names that an address has by PTR records. */
  reverse(address: string): Promise<readonly string[]>;
  /** Addresses as getaddrinfo(3) finds them: in the order of nsswitch.conf. Rejects with `HostLookupError`. */
  host(name: string, families: readonly (4 | 6)[]): Promise<readonly AddressRecord[]>;
  /** The names of an address as getnameinfo(3) finds them, first one first. Rejects with `HostLookupError`. */
  hostName(address: string): Promise<readonly string[]>;
  /** Forgets every cached answer. */
  clear(): void;
}
