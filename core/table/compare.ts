/** Compares two ranges as far as both go: negative, zero or positive. */
export function compareBeginning(
  key: Uint8Array,
  keyLength: number,
  other: Uint8Array,
  start: number,
  length: number,
): number {
  const common = keyLength < length ? keyLength : length;
  for (let at = 0; at < common; at++) {
    const difference = key[at]! - other[start + at]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Compares the first `keyLength` bytes of a key with `length` bytes of `other` from `start`: unsigned bytes, and of two
 * with the same beginning the shorter first. Negative, zero or positive.
 */
export function compareParts(
  key: Uint8Array,
  keyLength: number,
  other: Uint8Array,
  start: number,
  length: number,
): number {
  return compareBeginning(key, keyLength, other, start, length) || keyLength - length;
}
