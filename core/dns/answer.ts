/** From a DNS message to records that can be believed. */
import { isIPv4, isIPv6 } from "node:net";
import { canonicalAddress, isHostName, withoutRootDot } from "./name.ts";
import type { WireMessage, WireRecord } from "./packet.ts";
import { DnsError, type DnsErrorKind, type RecordData, type RecordType } from "./types.ts";

/** What libresolv says about each kind. */
const RESOLVER_TEXT: Partial<Record<DnsErrorKind, string>> = {
  notFound: "Host not found",
  noData: "Host found but no data record of requested type",
  temporary: "Host not found, try again",
  failed: "Non-recoverable error",
};

/** The error of a kind with the text that Postfix's programs show for it. */
export function dnsError(kind: DnsErrorKind, name: string, type: RecordType, ttl = 0): DnsError {
  if (kind === "nullMx") {
    return new DnsError(kind, name, type, `Domain ${name} does not accept mail (nullMX)`, ttl);
  }
  if (kind === "invalid") return malformed(kind, name, type);
  const question = `Host or domain name not found. Name service error for name=${name} type=${type}`;
  return new DnsError(kind, name, type, `${question}: ${RESOLVER_TEXT[kind]}`, ttl);
}

/** An answer that makes no sense; `temporary` when asking again may help. */
export function malformed(kind: "invalid" | "temporary", name: string, type: RecordType): DnsError {
  const text = `Name service error for name=${name} type=${type}: Malformed or unexpected name server reply`;
  return new DnsError(kind, name, type, text);
}

/** Answers with more records than this are cut, so that nobody can make us work for ever. */
const MOST_RECORDS = 100;

/** What the answer section says about a name. */
export interface Section<T> {
  readonly records: T[];
  readonly ttl: number;
  /** The end of the CNAME chain, whether or not it has records here. */
  readonly canonicalName: string;
  /** There were records of the type, but none that makes sense. */
  readonly onlyInvalid: boolean;
}

/** The longest CNAME chain that is followed. */
export const LONGEST_CHAIN = 10;

function asName(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const name = withoutRootDot(value);
  return isHostName(name) ? name : undefined;
}

function asNumber(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (!Array.isArray(value)) return undefined;
  const parts = value.filter((part): part is Uint8Array => part instanceof Uint8Array);
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** How the data of each type is checked; undefined: not to be believed. */
const READERS: { [T in RecordType]: (data: unknown) => RecordData[T] | undefined } = {
  A: (data) => typeof data === "string" && isIPv4(data) ? { family: 4, address: data } : undefined,
  AAAA: (data) =>
    typeof data === "string" && isIPv6(data)
      ? { family: 6, address: data.includes(".") ? data : canonicalAddress(data)! }
      : undefined,
  MX: (data) => {
    const { preference, exchange } = (data ?? {}) as { preference?: unknown; exchange?: unknown };
    // The root as the exchange is the null MX, or nonsense beside other records; the caller sorts that out.
    const name = exchange === "." || exchange === "" ? "." : asName(exchange);
    return name === undefined ? undefined : { preference: asNumber(preference), exchange: name };
  },
  NS: asName,
  PTR: asName,
  CNAME: asName,
  TXT: bytesOf,
  SRV: (data) => {
    const record = (data ?? {}) as Record<string, unknown>;
    const target = record.target === "." ? "." : asName(record.target);
    if (target === undefined) return undefined;
    return {
      priority: asNumber(record.priority),
      weight: asNumber(record.weight),
      port: asNumber(record.port),
      target,
    };
  },
  TLSA: (data) => {
    const record = (data ?? {}) as Record<string, unknown>;
    if (!(record.certificate instanceof Uint8Array)) return undefined;
    return {
      usage: asNumber(record.usage),
      selector: asNumber(record.selector),
      matchingType: asNumber(record.matchingType),
      data: record.certificate,
    };
  },
};

/** The records of `type` at `name`, over the aliases in the same message. */
export function readSection<T extends RecordType>(
  message: WireMessage,
  name: string,
  type: T,
): Section<RecordData[T]> {
  const byOwner = new Map<string, WireRecord[]>();
  for (const record of message.answers.slice(0, MOST_RECORDS * 2)) {
    const owner = record.name.toLowerCase();
    const group = byOwner.get(owner);
    if (group === undefined) byOwner.set(owner, [record]);
    else group.push(record);
  }
  let owner = name;
  let ttl = Infinity;
  const seen = new Set<string>();
  for (;;) {
    const group = byOwner.get(owner.toLowerCase()) ?? [];
    const wanted = group.filter((record) => record.type === type && (record.class ?? "IN") === "IN");
    if (wanted.length > 0 || type === "CNAME") {
      const records: RecordData[T][] = [];
      for (const record of wanted.slice(0, MOST_RECORDS)) {
        const value = READERS[type](record.data);
        ttl = Math.min(ttl, record.ttl ?? 0);
        if (value !== undefined) records.push(value);
      }
      const onlyInvalid = records.length === 0 && wanted.length > 0;
      return { records, ttl: ttl === Infinity ? 0 : ttl, canonicalName: owner, onlyInvalid };
    }
    seen.add(owner.toLowerCase());
    const alias = group.find((record) => record.type === "CNAME");
    const target = alias === undefined ? undefined : asName(alias.data);
    if (alias !== undefined) ttl = Math.min(ttl, alias.ttl ?? 0);
    if (target === undefined || seen.has(target.toLowerCase()) || seen.size > LONGEST_CHAIN) {
      return { records: [], ttl: ttl === Infinity ? 0 : ttl, canonicalName: owner, onlyInvalid: false };
    }
    owner = target;
  }
}

/** The longest that "there is no such thing" is believed, in seconds. */
const LONGEST_NEGATIVE = 3600;

/** How long a negative answer may be kept: RFC 2308 section 5. */
export function negativeTtl(message: WireMessage): number {
  for (const record of message.authorities ?? []) {
    if (record.type !== "SOA") continue;
    const minimum = asNumber((record.data as { minimum?: unknown } | undefined)?.minimum);
    return Math.min(record.ttl ?? 0, minimum, LONGEST_NEGATIVE);
  }
  return 0;
}
