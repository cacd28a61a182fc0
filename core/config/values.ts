/** The forms that parameter values can have: yes or no, whole numbers, times, lists (postconf(5)). */
import { trimEnd, trimStart } from "./logical_lines.ts";

/** Seconds per time unit. */
const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

const INT_LIMIT = 2 ** 31;

/** `yes` or `no` in any case; undefined for anything else. */
export function parseBool(text: string): boolean | undefined {
  const word = text.toLowerCase();
  return word === "yes" ? true : word === "no" ? false : undefined;
}

/** A decimal number with an optional sign; undefined for anything else, or if it doesn't fit in `bits`. */
export function parseWhole(text: string, bits: 32 | 64): number | undefined {
  if (!/^[ \t]*[+-]?[0-9]+$/.test(text)) return undefined;
  const number = Number(text);
  const limit = bits === 32 ? INT_LIMIT : Number.MAX_SAFE_INTEGER + 1;
  return number >= -limit && number < limit ? number : undefined;
}

/**
 * A time in seconds: digits and an optional unit s, m, h, d or w; only the unit's first letter counts.
 * @param defaultUnit the unit of a number without one
 */
export function parseTime(text: string, defaultUnit: string): number | undefined {
  const match = /^([0-9]*)([^]?)/.exec(text)!;
  if (text === "") return undefined;
  const unit = UNIT_SECONDS[match[2] === "" ? defaultUnit : match[2]!];
  if (unit === undefined || (match[1] === "" && match[2] === "")) return undefined;
  const seconds = Number(match[1]) * unit;
  return seconds < INT_LIMIT ? seconds : undefined;
}

/** Splits at commas and white space; text in `{ }` stays together, with its braces. Empty items are dropped. */
export function splitList(text: string): string[] {
  if (!text.includes("{")) return text.split(/[, \t\r\n]+/).filter((item) => item !== "");
  const items: string[] = [];
  let item = "";
  let depth = 0;
  for (const character of text) {
    if (depth === 0 && ", \t\r\n".includes(character)) {
      if (item !== "") items.push(item);
      item = "";
      continue;
    }
    if (character === "{") depth += 1;
    else if (character === "}" && depth > 0) depth -= 1;
    item += character;
  }
  if (item !== "") items.push(item);
  return items;
}

/** The text inside `{ text }`, without the white space at its ends. */
export interface Unbraced {
  readonly text: string;
  /** What is wrong with the braces, in Postfix's words; the text is then the best guess. */
  readonly problem?: string;
}

/** Takes the outer braces off; undefined if `text` doesn't start with one. */
export function unbrace(text: string): Unbraced | undefined {
  if (!text.startsWith("{")) return undefined;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "{") depth += 1;
    else if (text[at] === "}" && --depth === 0) {
      const inner = trimStart(trimEnd(text.slice(1, at)));
      return trimEnd(text.slice(at + 1)) === ""
        ? { text: inner }
        : { text: inner, problem: `syntax error after '}' in "${text}"` };
    }
  }
  return { text: trimStart(trimEnd(text.slice(1))), problem: `missing '}' in "${text}"` };
}
