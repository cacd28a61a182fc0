import { isIPv4, isIPv6 } from "node:net";

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;

/**
 * Is this a host name that may be asked for and believed in answers: labels of letters, digits, `-` and `_`, none longer
 * than 63, 255 in all, not all digits in every label (RFC 1123 section 2.1)? A final dot must have been removed.
 */
export function isHostName(name: string): boolean {
  if (name === "" || name.length > 255) return false;
  const labels = name.split(".");
  if (!labels.every((label) => LABEL.test(label))) return false;
  return labels.some((label) => !/^\d+$/.test(label));
}

/** Without the final dot. */
export function withoutRootDot(name: string): string {
  return name.length > 1 && name.endsWith(".") ? name.slice(0, -1) : name;
}

/** The name that PTR questions about an address ask for; undefined if it is not an address. */
export function reverseName(address: string): string | undefined {
  if (isIPv4(address)) return `${address.split(".").reverse().join(".")}.in-addr.arpa`;
  if (!isIPv6(address)) return undefined;
  const nibbles = ipv6Groups(address).map((group) => group.toString(16).padStart(4, "0")).join("");
  return `${[...nibbles].reverse().join(".")}.ip6.arpa`;
}

/** The eight 16-bit groups of a valid IPv6 address. */
function ipv6Groups(address: string): number[] {
  let text = address.split("%")[0]!;
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (dotted !== null) {
    const [, head, a, b, c, d] = dotted;
    const high = Number(a) * 256 + Number(b);
    const low = Number(c) * 256 + Number(d);
    text = `${head}${high.toString(16)}:${low.toString(16)}`;
  }
  const [left = "", right] = text.split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":").map((group) => parseInt(group, 16));
  const before = groups(left);
  if (right === undefined) return before;
  const after = groups(right);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

/** One spelling for each address, to compare them. Mapped IPv4 addresses become IPv4. Undefined if it is none. */
export function canonicalAddress(address: string): string | undefined {
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return undefined;
  const groups = ipv6Groups(address);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high, low] = [groups[6]!, groups[7]!];
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  // URL knows RFC 5952.
  return new URL(`http://[${address.split("%")[0]}]/`).hostname.slice(1, -1);
}
