/** Splitting of SMTP command lines into words (RFC 5321 section 4.1). */

/** A word of a command. */
export interface Word {
  readonly text: string;
  /** `path`: begins with `<`; `broken`: a quote or bracket that is never closed. */
  readonly kind: "path" | "other" | "broken";
}

const CLOSING: Readonly<Record<string, string>> = { "<": ">", "[": "]", '"': '"', "(": ")" };

/** White space of C's isspace(). */
function isSpace(character: string): boolean {
  return character === " " || (character >= "\t" && character <= "\r");
}

/**
 * The words of a command line. Blanks separate words except inside `<>`, `[]`, `()` and `""`; a colon ends the second
 * word (`FROM:`, `TO:`), so that `MAIL FROM:<a@b>` and `MAIL FROM: <a@b>` are the same; but not if it is the value of
 * `NAME=value`.
 */
export function commandWords(line: string): Word[] {
  const words: Word[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && isSpace(line[at]!)) at += 1;
    if (at >= line.length) return words;
    const start = at;
    let kind: Word["kind"] = line[at] === "<" ? "path" : "other";
    while (at < line.length && !isSpace(line[at]!)) {
      const character = line[at]!;
      if (character === ":" && words.length === 1 && !line.slice(start, at).includes("=")) {
        at += 1;
        break;
      }
      if (character in CLOSING) {
        const end = closing(line, at);
        if (end < 0) {
          kind = "broken";
          at = line.length;
          break;
        }
        at = end;
      } else {
        at += character === "\\" ? 2 : 1;
      }
    }
    words.push({ text: line.slice(start, at), kind });
  }
}

/** The position behind the bracket that closes the one at `open`, or -1. */
function closing(line: string, open: number): number {
  const opener = line[open]!;
  const last = CLOSING[opener]!;
  let at = open + 1;
  while (at < line.length) {
    const character = line[at]!;
    if (character === last) return at + 1;
    if (character === "\\") {
      at += 2;
    } else if (opener !== '"' && character in CLOSING) {
      at = closing(line, at);
      if (at < 0) return -1;
    } else {
      at += 1;
    }
  }
  return -1;
}
