let decoder: TextDecoder | undefined;
const encoder = new TextEncoder();

/** Up to this many bytes a loop is faster than the decoder (measured). */
const SHORT = 48;

/** The first code unit of the range that stands for an octet that is not UTF-8: U+DC80 for 0x80. */
const ESCAPE_BASE = 0xdc00;

/** Decodes UTF-8. Throws `TypeError` for anything else. The decoder is made at the first use: most commands need none. */
function strictly(bytes: Uint8Array): string {
  decoder ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return decoder.decode(bytes);
}

/**
 * Octets to text. Valid UTF-8 decodes as such; every octet that is not part of valid UTF-8 becomes the lone
 * surrogate U+DC80..U+DCFF, so that `encodeText` gives back exactly the same octets. Addresses, header lines and
 * table keys travel through the program in this form.
 */
export function decodeText(bytes: Uint8Array): string {
  if (bytes.length <= SHORT) {
    const text = shortAscii(bytes);
    if (text !== undefined) return text;
  }
  try {
    return strictly(bytes);
  } catch {
    return decodeWithEscapes(bytes);
  }
}

/** ASCII text of a few bytes, without the cost of a call into the decoder; undefined if it is not ASCII. */
function shortAscii(bytes: Uint8Array): string | undefined {
  let text = "";
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte > 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

function decodeWithEscapes(bytes: Uint8Array): string {
  let text = "";
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      text += String.fromCharCode(ESCAPE_BASE + bytes[at]!);
      at += 1;
    } else {
      text += strictly(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return text;
}

/** Length of the valid UTF-8 sequence at `at` (RFC 3629), or 0 if there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return 1;
  const length = lead >= 0xc2 && lead <= 0xdf
    ? 2
    : lead >= 0xe0 && lead <= 0xef
    ? 3
    : lead >= 0xf0 && lead <= 0xf4
    ? 4
    : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  try {
    strictly(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

/** Text to octets: UTF-8, except that U+DC80..U+DCFF made by `decodeText` becomes the octet it stands for. */
export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  if (text.isWellFormed()) return encoder.encode(text);
  const parts: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code >= ESCAPE_BASE + 0x80 && code <= ESCAPE_BASE + 0xff) parts.push(code - ESCAPE_BASE);
    else parts.push(...encoder.encode(character));
  }
  return Uint8Array.from(parts);
}
