/** Longest line of a notice, and the blanks in front of the lines that continue it. */
const WIDTH = 79;
const INDENT = 4;

/**
 * Breaks text at blanks into lines of at most 79 columns, the second and later ones indented. Words are never cut, and
 * runs of blanks inside a line stay.
 */
export function wrapText(text: string): string[] {
  const lines: string[] = [];
  let lineStart = 0;
  let width = WIDTH;
  const put = (end: number) => {
    lines.push((lines.length === 0 ? "" : " ".repeat(INDENT)) + text.slice(lineStart, end).trimEnd());
  };
  let wordStart = 0;
  let at = 0;
  while (at < text.length) {
    while (at < text.length && text[at] === " ") at++;
    wordStart = at;
    while (at < text.length && text[at] !== " ") at++;
    if (at - lineStart > width && wordStart > lineStart && wordStart < text.length) {
      put(wordStart);
      lineStart = wordStart;
      width = WIDTH - INDENT;
    }
  }
  put(text.length);
  return lines;
}
