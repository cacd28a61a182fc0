/** Structured header values (RFC 2045, 5.1): words, quoted strings and single special characters; comments drop out. */

export interface HeaderToken {
  readonly kind: "word" | "quoted" | "special";
  /** The text without quotes; the character itself for a special. */
  readonly text: string;
}

const SPECIALS = '()<>@,;:\\"/[]?=';

/** End of the comment that opens at `at`; comments nest and a backslash quotes. */
function commentEnd(value: string, at: number): number {
  let depth = 0;
  for (; at < value.length; at++) {
    const character = value[at]!;
    if (character === "\\") at += 1;
    else if (character === "(") depth += 1;
    else if (character === ")" && --depth === 0) return at + 1;
  }
  return value.length;
}

/**
 * Splits a header value at its semicolons and each piece into tokens: `multipart/mixed; boundary="x"` gives
 * `[multipart, /, mixed]` and `[boundary, =, x]`.
 */
export function headerTokens(value: string): HeaderToken[][] {
  const pieces: HeaderToken[][] = [[]];
  let at = 0;
  while (at < value.length) {
    const character = value[at]!;
    if (character <= " " || character === "\x7f") at += 1;
    else if (character === ";") {
      pieces.push([]);
      at += 1;
    } else if (character === "(") at = commentEnd(value, at);
    else if (character === '"') {
      let text = "";
      at += 1;
      while (at < value.length && value[at] !== '"') {
        if (value[at] === "\\" && at + 1 < value.length) at += 1;
        text += value[at];
        at += 1;
      }
      at += 1;
      pieces.at(-1)!.push({ kind: "quoted", text });
    } else if (SPECIALS.includes(character)) {
      pieces.at(-1)!.push({ kind: "special", text: character });
      at += 1;
    } else {
      const start = at;
      while (
        at < value.length && value[at]! > " " && value[at] !== "\x7f" && !SPECIALS.includes(value[at]!)
      ) {
        at += 1;
      }
      pieces.at(-1)!.push({ kind: "word", text: value.slice(start, at) });
    }
  }
  return pieces;
}
