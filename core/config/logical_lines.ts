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

/** White space as isspace(3) has it in the C locale. */
const BLANK = /^[ \t\r\v\f]*$/;
const COMMENT = /^[ \t\r\v\f]*#/;
const CONTINUATION = /^[ \t\r\v\f]/;

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
    if (BLANK.test(line) || COMMENT.test(line)) continue;
    if (CONTINUATION.test(line)) {
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
  const match = /^[ \t\r\n\v\f]*([^ \t\r\n\v\f=]*)[ \t\r\n\v\f]*(=?)[ \t\r\n\v\f]*([^]*)$/.exec(text)!;
  const name = match[1]!;
  if (name === "") return { ok: false, problem: "missing attribute name" };
  if (match[2] === "") return { ok: false, problem: "missing '=' after attribute name" };
  return { ok: true, name, value: trimEnd(match[3]!) };
}

/** Drops trailing white space (ASCII only: a no-break space stays). */
export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return end === text.length ? text : text.slice(0, end);
}

/** Drops leading white space (ASCII only). */
export function trimStart(text: string): string {
  let start = 0;
  while (start < text.length && isSpace(text.charCodeAt(start))) start += 1;
  return start === 0 ? text : text.slice(start);
}

/** isspace(3) in the C locale. */
export function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}
