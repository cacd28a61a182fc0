/** Characters of a dot-atom besides letters, digits and everything outside ASCII (RFC 5322 section 3.2.3). */
const ATOM_SYMBOLS = "!#$%&'*+-/=?^_`{|}~";

const IS_ATOM = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  return /[A-Za-z0-9]/.test(character) || ATOM_SYMBOLS.includes(character) ? 1 : 0;
});

/** Is it a dot-atom? Its characters are looked at one by one: listings ask this for every recipient in the queue. */
function isDotAtom(text: string, end: number): boolean {
  let previousDot = true;
  for (let at = 0; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x2e) {
      if (previousDot) return false;
      previousDot = true;
    } else {
      if (code < 128 && IS_ATOM[code] === 0) return false;
      previousDot = false;
    }
  }
  return !previousDot;
}

/**
 * The quoted form of an internal address for logs and listings: the local part becomes a quoted string when it is not
 * a dot-atom (RFC 5322 section 3.2.4).
 */
export function quoteAddress(address: string): string {
  const at = address.lastIndexOf("@");
  const end = at < 0 ? address.length : at;
  if (isDotAtom(address, end)) return address;
  return `"${address.slice(0, end).replace(/["\\\r]/g, "\\$&")}"${address.slice(end)}`;
}
