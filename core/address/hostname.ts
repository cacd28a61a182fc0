import { isIP } from "node:net";
import { domainToASCII } from "node:url";

const MAX_NAME = 255;
const MAX_LABEL = 63;

/**
 * Is it a host name that mail can be sent to? Letters, digits, `-` and `_`, no empty label, no hyphen at either end
 * of a label, not all digits and dots. Names outside ASCII are judged by their IDNA form (RFC 5890), unless there are
 * none (`smtputf8_enable = no`).
 */
export function isHostname(name: string, utf8 = true): boolean {
  // deno-lint-ignore no-control-regex -- the ASCII range
  if (/[^\x00-\x7f]/.test(name)) {
    if (!utf8 || /(^|\.)-|-(\.|$)/.test(name)) return false;
    const ascii = name.isWellFormed() ? domainToASCII(name) : "";
    return ascii !== "" && isHostname(ascii);
  }
  if (name.length === 0 || name.length > MAX_NAME) return false;
  let labelStart = 0;
  let numeric = true;
  for (let i = 0; i <= name.length; i++) {
    const code = i < name.length ? name.charCodeAt(i) : 0x2e;
    if (code === 0x2e) {
      const length = i - labelStart;
      if (length === 0 || length > MAX_LABEL || name.charCodeAt(i - 1) === 0x2d) return false;
      labelStart = i + 1;
    } else if (code === 0x2d) {
      if (i === labelStart) return false;
      numeric = false;
    } else if ((code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code === 0x5f) {
      numeric = false;
    } else if (code < 0x30 || code > 0x39) {
      return false;
    }
  }
  return !numeric;
}

/**
 * The address inside a mail host literal: `1.2.3.4` of `[1.2.3.4]`, `::1` of `[IPv6:::1]` (RFC 5321 4.1.3);
 * undefined if it is none.
 */
export function literalAddress(literal: string): string | undefined {
  if (!literal.startsWith("[") || !literal.endsWith("]")) return undefined;
  const inside = literal.slice(1, -1);
  if (/^ipv6:/i.test(inside)) return isIP(inside.slice(5)) === 6 ? inside.slice(5) : undefined;
  return isIP(inside) === 4 ? inside : undefined;
}
