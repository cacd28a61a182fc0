/** A line of a table's source together with its continuation lines. */
export interface LogicalLine {
  readonly text: string;
  /** Number of its first physical line, counted from 1. */
  readonly line: number;
  /** Number of its last physical line. */
  readonly lastLine: number;
}

const BLANK = /^[ \t\r\f\v]*$/;
const COMMENT = /^[ \t\r\f\v]*#/;
const CONTINUED = /^[ \t\r\f\v]/;

/**
 * Joins physical lines: a line that starts with white space continues the one before; empty lines and lines whose first
 * character other than white space is `#` are dropped wherever they stand (postmap(1), TABLE FORMAT).
 * @param stray is told the text of a logical line that begins with white space, because none is before it; it is left out
 */
export function logicalLines(text: string, stray: (text: string) => void): LogicalLine[] {
  const lines: LogicalLine[] = [];
  const physical = text.split("\n");
  let current: string | undefined;
  let first = 0;
  let last = 0;
  const take = () => {
    if (current === undefined) return;
    if (CONTINUED.test(current)) stray(current);
    else lines.push({ text: current, line: first, lastLine: last });
  };
  for (let index = 0; index < physical.length; index++) {
    const line = physical[index]!;
    if (BLANK.test(line) || COMMENT.test(line)) continue;
    if (CONTINUED.test(line) && current !== undefined) {
      current += line;
      last = index + 1;
      continue;
    }
    take();
    current = line;
    first = last = index + 1;
  }
  take();
  return lines;
}

const SPACE = /[ \t\r\n\f\v]+$/;

/** The text without white space (the C locale's) at its end. */
export function trimRight(text: string): string {
  return text.replace(SPACE, "");
}

/** The text without white space (the C locale's) at both ends. */
export function trimBoth(text: string): string {
  return trimRight(text.replace(/^[ \t\r\n\f\v]+/, ""));
}
