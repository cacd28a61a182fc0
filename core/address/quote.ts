/** Quoting of addresses. A small door of its own: listings need nothing else of this room. */

/** Characters of a dot-atom besides letters, digits and everything outside ASCII (RFC 5322 section 3.2.3). */
const ATOM_SYMBOLS = "!#$%&'*+-/=?^_`{|}~";

const IS_ATOM = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  return /[A-Za-z0-9]/.test(character) || ATOM_SYMBOLS.includes(character) ? 1 : 0;
});

const DOT = 0x2e;

/** Is that part of a text a dot-atom? One by one, for listings ask this for every recipient in the queue. */
function isDotAtom(text: string, start: number, end: number): boolean {
  let previousDot = true;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      if (previousDot) return false;
      previousDot = true;
    } else {
      if (code < 128 && IS_ATOM[code] === 0) return false;
      previousDot = false;
    }
  }
  return !previousDot;
}

/** `word *("." word)`, with octets above 127 allowed. */
export function isDotString(localPart: string): boolean {
  return isDotAtom(localPart, 0, localPart.length);
}

/**
 * Internal form (`joe smith@example.com`) to external form (`"joe smith"@example.com`), as SMTP and headers want it.
 * The last `@` separates the domain; the empty address becomes `""`, with callers that mean `<>` testing first.
 */
export function toExternal(internal: string): string {
  const at = internal.lastIndexOf("@");
  // A source route in front (RFC 5321 appendix C) is left as it is.
  const start = internal.startsWith("@") ? internal.indexOf(":") + 1 : 0;
  const end = at < start ? internal.length : at;
  if (isDotAtom(internal, start, end)) return internal;
  const local = internal.slice(start, end).replace(/["\\\r]/g, "\\$&");
  return `${internal.slice(0, start)}"${local}"${internal.slice(end)}`;
}

/** External form to internal form: quotes go, `\x` becomes `x`; a source route and the domain stay as they are. */
export function toInternal(external: string): string {
  if (!external.includes('"') && !external.includes("\\")) return external;
  const at = external.lastIndexOf("@");
  const start = external.startsWith("@") ? external.indexOf(":") + 1 : 0;
  const end = at < start ? external.length : at;
  const local = external.slice(start, end)
    .replace(/"|\\([\s\S])|\\$/g, (_, character: string | undefined) => character ?? "");
  return external.slice(0, start) + local + external.slice(end);
}
