import { decodeText } from "../../core/bytes/mod.ts";
import { toExternal, toInternal } from "../../core/address/mod.ts";
import { type ContentReader, RecordType } from "../../core/queue/mod.ts";

const NAME = "delivered-to:";

/** Does the record begin with the header's name, in any case? */
function isDeliveredTo(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < NAME.length) return false;
  for (let at = 0; at < NAME.length; at++) {
    const byte = bytes[start + at]!;
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (lower !== NAME.charCodeAt(at)) return false;
  }
  return true;
}

/**
 * The addresses of a message's Delivered-To: headers in lower case, for loop detection. The reader is at the
 * content's beginning before and after.
 */
export function deliveredAddresses(reader: ContentReader): Set<string> {
  const found = new Set<string>();
  let current: string | undefined;
  let atLineStart = true;
  const take = () => {
    if (current !== undefined) found.add(toInternal(current.trim()).toLowerCase());
    current = undefined;
  };
  while (reader.next()) {
    const { bytes, start, end } = reader;
    const begins = atLineStart;
    atLineStart = reader.type === RecordType.Normal;
    const first = bytes[start];
    if (begins) {
      // The header ends at an empty line or at what is no header line.
      if (start === end) break;
      if (first !== 0x20 && first !== 0x09) {
        take();
        if (isDeliveredTo(bytes, start, end)) current = decodeText(bytes.slice(start + NAME.length, end));
        else if (!bytes.subarray(start, end).includes(0x3a)) break;
        continue;
      }
    }
    if (current !== undefined) current += decodeText(bytes.slice(start, end));
  }
  take();
  reader.rewind();
  return found;
}

/** True if a message was delivered to the address (internal form) before. */
export function wasDeliveredTo(addresses: ReadonlySet<string>, address: string): boolean {
  return addresses.size > 0 && addresses.has(toInternal(toExternal(address)).toLowerCase());
}
