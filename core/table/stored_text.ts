import { decodeText } from "../bytes/mod.ts";

/** Longer values are decoded by the runtime. */
const SHORT = 100;

/** The text of a stored key or value, which ends at the first NUL. */
export function storedText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT) {
    let stop = start;
    while (stop < end && bytes[stop]! > 0 && bytes[stop]! < 0x80) stop += 1;
    if (stop === end || bytes[stop] === 0) return asciiText(bytes, start, stop);
  }
  const range = bytes.subarray(start, end);
  const nul = range.indexOf(0);
  return decodeText(nul < 0 ? range : range.subarray(0, nul));
}

/** Text of ASCII bytes; eight characters at a time are three times as fast as a decoder for the lengths that occur. */
function asciiText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let at = start;
  for (; at + 8 <= end; at += 8) {
    text += String.fromCharCode(
      bytes[at]!,
      bytes[at + 1]!,
      bytes[at + 2]!,
      bytes[at + 3]!,
      bytes[at + 4]!,
      bytes[at + 5]!,
      bytes[at + 6]!,
      bytes[at + 7]!,
    );
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}
