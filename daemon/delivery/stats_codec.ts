import type { DeliveryTimes } from "./types.ts";

/**
 * The `time` attribute of a delivery request: Postfix sends a C structure as it lies in memory of a 64-bit Linux, five
 * pairs of seconds and microseconds (8 bytes each, little-endian), an int with the connection's reuse count, padding.
 */
const LENGTH = 88;
const ORDER = ["incoming", "active", "agent", "connected", "delivered"] as const;

/** Times to the structure's bytes. */
export function encodeTimes(times: DeliveryTimes): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(LENGTH);
  const view = new DataView(bytes.buffer);
  ORDER.forEach((name, index) => {
    const micros = Math.round(times[name] * 1e6);
    view.setBigInt64(index * 16, BigInt(Math.floor(micros / 1e6)), true);
    view.setBigInt64(index * 16 + 8, BigInt(micros % 1_000_000), true);
  });
  view.setInt32(80, times.reuse, true);
  return bytes;
}

/** The structure's bytes to times; undefined if the length is another. */
export function decodeTimes(bytes: Uint8Array): DeliveryTimes | undefined {
  if (bytes.length !== LENGTH) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = (index: number) =>
    Number(view.getBigInt64(index * 16, true)) + Number(view.getBigInt64(index * 16 + 8, true)) / 1e6;
  return {
    incoming: at(0),
    active: at(1),
    agent: at(2),
    connected: at(3),
    delivered: at(4),
    reuse: view.getInt32(80, true),
  };
}
