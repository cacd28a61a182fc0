import { encodeText } from "../bytes/mod.ts";

/** A line gets no further address that would make it this long, in octets. */
const WIDTH = 70;

/** A header with a rewritten address list, one address a line: as many of them are put on a line as fit. */
export function foldAddressList(header: string): string {
  const [first = "", ...rest] = header.split("\n");
  const lines = [first];
  let width = encodeText(first).length;
  for (const piece of rest) {
    const length = encodeText(piece).length;
    if (width + 1 + length < WIDTH) {
      lines[lines.length - 1] += ` ${piece}`;
      width += 1 + length;
    } else {
      lines.push(piece);
      width = length;
    }
  }
  return lines.join("\n");
}
