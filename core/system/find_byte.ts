import { libc } from "./libc.ts";

/** Shorter stretches are searched quicker than the C library is called. */
const WORTH_A_CALL = 512;

/**
 * Index of the first `byte` at or after `from`, -1 if there is none: as `bytes.indexOf(byte, from)`, for long stretches,
 * which the C library searches many times as fast.
 */
export function findByte(bytes: Uint8Array<ArrayBuffer>, byte: number, from: number): number {
  const length = bytes.length - from;
  if (length < WORTH_A_CALL) return bytes.indexOf(byte, from);
  const stretch = from === 0 ? bytes : bytes.subarray(from);
  const found = libc().memchr(stretch, byte, BigInt(length));
  if (found === 0n) return -1;
  // The stretch begins with its own first octet, which tells its address.
  return from + Number(found - libc().memchr(stretch, stretch[0]!, 1n));
}
