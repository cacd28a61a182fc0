import { trimBoth, trimRight } from "./logical_lines.ts";

/** A line taken apart, or what is wrong with it. */
export type KeyValue =
  | { readonly key: string; readonly value: string; readonly looksLikeAlias: boolean }
  | { readonly problem: string };

const WHITE = /[ \t\r\n\f\v]/;

/**
 * Splits `key whitespace value` (postmap(1)). A backslash protects the next character and double quotes protect white
 * space; both stay in the key. Text from a NUL on is dropped.
 */
export function splitKeyValue(line: string): KeyValue {
  const nul = line.indexOf("\0");
  const text = nul < 0 ? line : line.slice(0, nul);
  let quoted = false;
  let at = 0;
  for (; at < text.length; at++) {
    const character = text[at]!;
    if (character === "\\") at += 1;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && WHITE.test(character)) break;
  }
  if (quoted) return { problem: `unbalanced '"' in '${text}' -- ignoring this line` };
  const key = text.slice(0, at);
  const value = trimBoth(text.slice(at));
  if (key === "" || value === "") return { problem: "expected format: key whitespace value" };
  return { key: trimRight(key), value, looksLikeAlias: key.endsWith(":") };
}
