import { decodeText } from "../bytes/mod.ts";

/** The texts of a match and its groups from pairs of byte offsets; -1 stands for a group that took no part. */
export function groupTexts(bytes: Uint8Array, offsets: readonly number[]): (string | undefined)[] {
  const texts: (string | undefined)[] = [];
  for (let at = 0; at + 1 < offsets.length; at += 2) {
    const start = offsets[at]!;
    texts.push(start < 0 ? undefined : decodeText(bytes.subarray(start, offsets[at + 1])));
  }
  return texts;
}

/** The text of one group; undefined for a group that took no part. */
export function textOfGroup(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : decodeText(bytes);
}
