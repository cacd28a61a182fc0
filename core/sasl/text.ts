import { timingSafeEqual } from "node:crypto";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Octets of a text. */
export function octets(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** A text out of valid UTF-8 without NUL; undefined for anything else. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = decoder.decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Decodes base64 (RFC 4648 section 4, as RFC 4954 wants it: padded, nothing else in it); undefined if it is none. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  return Uint8Array.fromBase64(text);
}

/** Base64 in one line, with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

/** Compares secrets in a time that doesn't tell where they differ. */
export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

const PROHIBITED =
  /[\p{Cc}\u06dd\u070f\u180e\u2028\u2029\u2060-\u2063\ufdd0-\ufdef\ufff9-\uffff\ue000-\uf8ff\p{Cs}]/u;
const SPACES = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/gu;
const IGNORED = /[\u00ad\u034f\u1806\u180b-\u180d\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]/gu;

/** A name or password in the form in which SCRAM compares them (SASLprep, RFC 4013); undefined if it can't be one. */
export function saslPrep(text: string): string | undefined {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const prepared = text.replace(SPACES, " ").replace(IGNORED, "").normalize("NFKC");
  return PROHIBITED.test(prepared) ? undefined : prepared;
}
