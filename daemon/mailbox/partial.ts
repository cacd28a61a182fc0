import { readSync } from "node:fs";

/** From the sender's blanks to the end of the line: `Mon Nov 23 05:04:02 2026`. */
const DATE_LENGTH = 24;

/**
 * Where the remains of an earlier attempt begin: a delivery that was cut off by a crash left the beginning of the very
 * message that is now delivered at the end of the mailbox. Undefined if there is nothing of that kind; another message's
 * text, and a whole copy, are never touched.
 * @param size of the mailbox
 * @param text gives the message again, from its `From ` line on
 */
export function remainsOf(
  fd: number,
  size: number,
  messageSize: number,
  text: () => Iterable<Uint8Array>,
): number | undefined {
  const window = new Uint8Array(Math.min(size, messageSize + 4096));
  const base = size - window.length;
  for (let at = 0; at < window.length;) {
    const count = readSync(fd, window, at, window.length - at, base + at);
    if (count === 0) return undefined;
    at += count;
  }
  const start = lastFromLine(window, base === 0);
  if (start < 0) return undefined;
  const tail = window.subarray(start);
  let at = 0;
  let lineEnd = -1;
  for (const piece of text()) {
    if (lineEnd < 0) lineEnd = piece.indexOf(10);
    for (let index = 0; index < piece.length; index++, at++) {
      if (at === tail.length) return base + start;
      const isDate = at >= lineEnd - DATE_LENGTH && at < lineEnd;
      if (tail[at] !== piece[index] && !isDate) return undefined;
    }
  }
  return undefined;
}

/** Place of the last `From ` at the beginning of a line; -1 if there is none. */
function lastFromLine(bytes: Uint8Array, fromFileStart: boolean): number {
  for (let at = bytes.length - 5; at >= 0; at--) {
    if (bytes[at] !== 0x46 || bytes[at + 4] !== 0x20) continue;
    if (bytes[at + 1] !== 0x72 || bytes[at + 2] !== 0x6f || bytes[at + 3] !== 0x6d) continue;
    if (at === 0 ? fromFileStart : bytes[at - 1] === 10) return at;
  }
  return -1;
}
