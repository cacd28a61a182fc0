import type { ListedMessage, QueueName } from "./types.ts";

/** What messages are picked by; everything that is given must hold. */
export interface Selection {
  readonly queues?: readonly QueueName[];
  readonly ids?: ReadonlySet<string>;
  /** Patterns of `addressPattern`. */
  readonly from?: readonly AddressPattern[];
  /** One recipient that matches is enough. */
  readonly to?: readonly AddressPattern[];
  /** Arrived so many seconds ago or earlier. */
  readonly olderThan?: number;
  /** Arrived less than so many seconds ago. */
  readonly youngerThan?: number;
  readonly size?: SizeBound;
  /** Found in the reason of one recipient. */
  readonly reason?: RegExp;
}

/** Does an address match? Addresses come as listings show them. */
export type AddressPattern = (address: string) => boolean;

/** `at least` and `at most`, in bytes. */
export interface SizeBound {
  readonly least: number;
  readonly most: number;
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/** `90s`, `30m`, `2h`, `1d12h`, `1w`, or seconds. Throws `RangeError` for anything else. */
export function parseAge(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  if (!/^(?:\d{1,10}[smhdw])+$/.test(text)) {
    throw new RangeError(`"${text}" is no length of time: use 90s, 30m, 2h, 1d12h or 1w`);
  }
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhdw])/g)) seconds += Number(count) * SECONDS[unit!]!;
  return seconds;
}

const BYTES: Readonly<Record<string, number>> = { "": 1, k: 1 << 10, m: 1 << 20, g: 1 << 30 };

/** `+1M`: that or more; `-10k`: that or less; a bare number is a least size. Throws `RangeError`. */
export function parseSizeBound(text: string): SizeBound {
  const match = /^([+-]?)(\d{1,12})([kmg]?)b?$/i.exec(text);
  if (match === null) throw new RangeError(`"${text}" is no size: use +1M, -10k or a number of bytes`);
  const bytes = Number(match[2]) * BYTES[match[3]!.toLowerCase()]!;
  return match[1] === "-" ? { least: 0, most: bytes } : { least: bytes, most: Infinity };
}

/**
 * A pattern for addresses, upper and lower case alike: `joe@example.com`; `example.com` or `@example.com` for everybody
 * there; `.example.com` with subdomains; `*` stands for any characters; `<>` is the null address.
 * @param emptyAddress what listings show for the null address
 */
export function addressPattern(text: string, emptyAddress: string): AddressPattern {
  if (text === "<>" || text === "") {
    const empty = emptyAddress.toLowerCase();
    return (address) => address.toLowerCase() === empty;
  }
  const pattern = text.toLowerCase();
  if (pattern.includes("*")) {
    const parts = pattern.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
    const whole = new RegExp(`^${parts.join(".*")}$`, "s");
    return (address) => whole.test(address.toLowerCase());
  }
  if (pattern.includes("@") && !pattern.startsWith("@")) {
    return (address) => address.toLowerCase() === pattern;
  }
  // A name without a dot may be a bare login name, which is an address without a domain.
  return orBare(domainPattern(pattern.replace(/^@/, "")), pattern);
}

function orBare(domain: AddressPattern, bare: string): AddressPattern {
  return (address) => domain(address) || address.toLowerCase() === bare;
}

/** A pattern for the domain of addresses: `example.com`, or `.example.com` for its subdomains as well. */
export function domainPattern(text: string): AddressPattern {
  const pattern = text.toLowerCase();
  if (!pattern.startsWith(".")) return (address) => domainOf(address) === pattern;
  const parent = pattern.slice(1);
  return (address) => {
    const domain = domainOf(address);
    return domain === parent || domain.endsWith(pattern);
  };
}

/** The domain of an address in lower case; empty if it has none. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1 || address.length).toLowerCase();
}

/** Is the message picked? @param now seconds */
export function selects(selection: Selection, message: ListedMessage, now: number): boolean {
  const { queues, ids, from, to, olderThan, youngerThan, size, reason } = selection;
  if (queues !== undefined && !queues.includes(message.queue)) return false;
  if (ids !== undefined && !ids.has(message.id)) return false;
  const age = now - message.time;
  if (olderThan !== undefined && age < olderThan) return false;
  if (youngerThan !== undefined && age >= youngerThan) return false;
  if (size !== undefined && (message.size < size.least || message.size > size.most)) return false;
  if (from !== undefined && !from.some((matches) => matches(message.sender))) return false;
  if (
    to !== undefined &&
    !message.recipients.some(({ address }) => to.some((matches) => matches(address)))
  ) return false;
  return reason === undefined || message.recipients.some((recipient) => reason.test(recipient.reason));
}
