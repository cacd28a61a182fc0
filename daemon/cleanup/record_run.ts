import { findByte } from "../../core/system/mod.ts";
import { RecordType } from "../../core/queue/mod.ts";

const CR = 0x0d;
const LF = 0x0a;
const LAST_SHIFT = 28;

/** Index of the next `byte` at or after `from`; beyond everything if there is none. */
function next(bytes: Uint8Array, byte: number, from: number): number {
  const at = findByte(bytes as Uint8Array<ArrayBuffer>, byte, from);
  return at < 0 ? Infinity : at;
}

/**
 * The longest run of content records (`N`, `L`) that begins at `start` and can be copied in one piece. With `noStray`
 * it ends before a record with a CR or LF in its data. The bytes are searched, not the lines: only where one of the
 * two values turns up (mostly as the length of a short line) is the search begun again.
 * @returns `end`: index behind the last record, `start` if there is none; `lastType`: type of that record
 */
export function recordRun(
  bytes: Uint8Array,
  start: number,
  noStray: boolean,
): { end: number; lastType: number } {
  let cr = noStray ? next(bytes, CR, start) : Infinity;
  let lf = noStray ? next(bytes, LF, start) : Infinity;
  let at = start;
  let lastType = 0;
  for (;;) {
    const type = bytes[at];
    if (type !== RecordType.Normal && type !== RecordType.Continued) break;
    let dataStart = at + 1;
    let length = 0;
    let byte = 0x80;
    for (let shift = 0; byte >= 0x80 && shift <= LAST_SHIFT; shift += 7) {
      byte = bytes[dataStart++] ?? 0x80;
      length += (byte & 0x7f) * 2 ** shift;
    }
    const dataEnd = dataStart + length;
    if (byte >= 0x80 || dataEnd > bytes.length) break;
    if (cr < dataStart) cr = next(bytes, CR, dataStart);
    if (lf < dataStart) lf = next(bytes, LF, dataStart);
    if (cr < dataEnd || lf < dataEnd) break;
    lastType = type;
    at = dataEnd;
  }
  return { end: at, lastType };
}
