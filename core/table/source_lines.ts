/** Bytes that isspace(3) knows in the C locale. */
export function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

const NEWLINE = 0x0a;
const HASH = 0x23;

/**
 * Calls `visit` for every logical line of a source file (postmap(1), TABLE FORMAT) with the range of bytes it takes and the
 * number of its first physical line. Continuation lines are moved up behind the line they continue, so the bytes change
 * up to the point that was read; the byte at `end` may be overwritten. There must be room for one more byte behind `size`.
 * @param source holds the bytes; `visit` may exchange the array for a larger one with the same content
 */
export function eachLogicalLine(
  source: { readonly bytes: Uint8Array },
  size: number,
  visit: (start: number, end: number, line: number) => void,
): void {
  let start = -1;
  let end = 0;
  let first = 0;
  let line = 0;
  for (let position = 0; position < size;) {
    const { bytes } = source;
    const newline = bytes.indexOf(NEWLINE, position);
    const stop = newline < 0 || newline > size ? size : newline;
    line += 1;
    let text = position;
    while (text < stop && isSpace(bytes[text]!)) text += 1;
    if (text < stop && bytes[text] !== HASH) {
      if (text === position || start < 0) {
        if (start >= 0) visit(start, end, first);
        start = position;
        end = stop;
        first = line;
      } else {
        bytes.copyWithin(end, position, stop);
        end += stop - position;
      }
    }
    position = stop + 1;
  }
  if (start >= 0) visit(start, end, first);
}
