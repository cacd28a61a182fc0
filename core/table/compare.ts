/**
 * Compares a key with `length` bytes of `other` from `start`: unsigned bytes, and of two with the same beginning the
 * shorter first. Negative, zero or positive.
 */
export function compareParts(key: Uint8Array, other: Uint8Array, start: number, length: number): number {
  const common = Math.min(key.length, length);
  for (let at = 0; at < common; at++) {
    const difference = key[at]! - other[start + at]!;
    if (difference !== 0) return difference;
  }
  return key.length - length;
}
