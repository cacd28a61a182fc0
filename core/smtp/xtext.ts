import { decodeText, encodeText } from "../bytes/mod.ts";

/** Encodes as xtext (RFC 3461 section 4): `+`, `=` and what is not printable ASCII become `+XX`. */
export function encodeXtext(text: string): string {
  let encoded = "";
  for (const byte of encodeText(text)) {
    encoded += byte <= 32 || byte >= 127 || byte === 0x2b || byte === 0x3d
      ? "+" + byte.toString(16).toUpperCase().padStart(2, "0")
      : String.fromCharCode(byte);
  }
  return encoded;
}

/** Decodes xtext; undefined if `text` is not xtext. */
export function decodeXtext(text: string): string | undefined {
  if (!text.includes("+")) return text;
  const bytes: number[] = [];
  const octets = encodeText(text);
  for (let at = 0; at < octets.length; at++) {
    const byte = octets[at]!;
    if (byte !== 0x2b) {
      bytes.push(byte);
      continue;
    }
    const hex = String.fromCharCode(octets[at + 1] ?? 0, octets[at + 2] ?? 0);
    if (!/^[0-9A-Fa-f]{2}$/.test(hex)) return undefined;
    bytes.push(parseInt(hex, 16));
    at += 2;
  }
  return decodeText(Uint8Array.from(bytes));
}
