/** Just enough DER (ITU-T X.690) to take an X.509 certificate (RFC 5280) apart. */

/** One element: its tag and where its content lies. */
export interface Element {
  readonly tag: number;
  /** The whole element with tag and length. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

/** Bytes that are no DER; `message` says why. */
export class DerError extends Error {
  override readonly name = "DerError";
}

export const OBJECT_IDENTIFIER = 0x06;

/** The element at `at`. Throws `DerError` when it is not whole. */
export function readElement(bytes: Uint8Array, at = 0): Element {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) {
    throw new DerError("bad DER element");
  }
  let length = first;
  let start = at + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 3) throw new DerError("bad DER length");
    length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + (bytes[start + index] ?? 0);
    start += count;
  }
  if (start + length > bytes.length) throw new DerError("DER element is cut short");
  return { tag, whole: bytes.subarray(at, start + length), content: bytes.subarray(start, start + length) };
}

/** The elements inside one. */
export function children(content: Uint8Array): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < content.length;) {
    const element = readElement(content, at);
    found.push(element);
    at += element.whole.length;
  }
  return found;
}
