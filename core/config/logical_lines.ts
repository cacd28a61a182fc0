/** The line syntax that main.cf, master.cf and the text forms of tables share (postconf(5), "main.cf file format"). */

/** One logical line: its continuation lines joined, comments and empty lines left out. */
export interface LogicalLine {
  /** Number of its first line, counted from 1. */
  readonly line: number;
  /** Number of its last line that is not a comment. */
  readonly lastLine: number;
  /** The text without line ends; continuation lines keep their leading white space. */
  readonly text: string;
}

/**
 * Splits a file's text into logical lines. A line that starts with white space continues the logical line before it,
 * across comments and empty lines.
 * @param stray is told of a continuation line that has nothing to continue; such lines are left out
 */
export function logicalLines(text: string, stray?: (line: LogicalLine) => void): LogicalLine[] {
  const lines: LogicalLine[] = [];
  let parts: string[] = [];
  let first = 0;
  let last = 0;
  const flush = () => {
    if (parts.length > 0) lines.push({ line: first, lastLine: last, text: parts.join("") });
    parts = [];
  };
  const physical = text.split("\n");
  for (let at = 0; at < physical.length; at++) {
    const line = physical[at]!;
    const start = spaceEnd(line, 0);
    if (start === line.length || line[start] === "#") continue;
    if (start > 0) {
      if (parts.length === 0) {
        stray?.({ line: at + 1, lastLine: at + 1, text: line });
      } else {
        parts.push(line);
        last = at + 1;
      }
      continue;
    }
    flush();
    parts = [line];
    first = last = at + 1;
  }
  flush();
  return lines;
}

/** A `name = value` line taken apart. */
export type NameValue =
  | { readonly ok: true; readonly name: string; readonly value: string }
  | { readonly ok: false; readonly problem: string };

/** Takes `name = value` apart; white space around both is dropped. `problem` has Postfix's words. */
export function splitNameValue(text: string): NameValue {
  const start = spaceEnd(text, 0);
  let end = start;
  while (end < text.length && text[end] !== "=" && !isSpace(text.charCodeAt(end))) end += 1;
  if (end === start) return { ok: false, problem: "missing attribute name" };
  const sign = spaceEnd(text, end);
  if (text[sign] !== "=") return { ok: false, problem: "missing '=' after attribute name" };
  return { ok: true, name: text.slice(start, end), value: trimStart(trimEnd(text.slice(sign + 1))) };
}

/** Where the white space that begins at `from` ends. */
function spaceEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

/** Drops trailing white space (ASCII only: a no-break space stays). */
export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return end === text.length ? text : text.slice(0, end);
}

/** Drops leading white space (ASCII only). */
export function trimStart(text: string): string {
  return text.slice(spaceEnd(text, 0));
}

/** isspace(3) in the C locale. */
export function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}
