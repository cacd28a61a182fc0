const DIGITS = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
const TIME_BASE = 52;
/** One less than the alphabet, so that the separator `z` never appears in the inode part. */
const INODE_BASE = 51;
const SECONDS_WIDTH = 6;
const MICROS_WIDTH = 4;
/** The separator of a long id stands here or later. */
const SEPARATOR_INDEX = SECONDS_WIDTH + MICROS_WIDTH;

const VALUES = new Map(Array.from(DIGITS, (digit, value) => [digit, value]));

function encode(value: number, base: number, width: number): string {
  let text = "";
  let rest = value;
  while (rest > 0) {
    text = DIGITS[rest % base]! + text;
    rest = Math.floor(rest / base);
  }
  return text.padStart(width, "0");
}

function decode(text: string, base: number): number | undefined {
  let value = 0;
  for (const character of text) {
    const digit = VALUES.get(character);
    if (digit === undefined || digit >= base) return undefined;
    value = value * base + digit;
  }
  return Number.isSafeInteger(value) ? value : undefined;
}

/** `DB12521A325`: five hexadecimal digits of microseconds, then the inode number. */
export function shortId(micros: number, inode: number): string {
  return micros.toString(16).toUpperCase().padStart(5, "0") + inode.toString(16).toUpperCase();
}

/** `4jWc8Y4NH0zJbYv`: seconds and microseconds in base 52, `z`, inode number in base 51. Unique for all time. */
export function longId(seconds: number, micros: number, inode: number): string {
  return encode(seconds, TIME_BASE, SECONDS_WIDTH) + encode(micros, TIME_BASE, MICROS_WIDTH) + "z" +
    longInodeText(inode);
}

/** The part of a long id behind its separator. */
export function longInodeText(inode: number): string {
  return encode(inode, INODE_BASE, 1);
}

/** Is this a name that a message's file may have? 1 to 255 letters, digits and underscores. */
export function isQueueId(text: string): boolean {
  return /^[A-Za-z0-9_]{1,255}$/.test(text);
}

/** Is it a long id? */
export function isLongId(id: string): boolean {
  return id.lastIndexOf("z") >= SEPARATOR_INDEX;
}

/** The parts of an id. `seconds` only of long ones. */
export interface QueueIdParts {
  readonly seconds?: number;
  readonly micros: number;
  readonly inode: number;
}

/** Takes an id apart; undefined if it was not made by `shortId` or `longId`. */
export function parseQueueId(id: string): QueueIdParts | undefined {
  const separator = id.lastIndexOf("z");
  if (separator >= SEPARATOR_INDEX) {
    const seconds = decode(id.slice(0, separator - MICROS_WIDTH), TIME_BASE);
    const micros = decode(id.slice(separator - MICROS_WIDTH, separator), TIME_BASE);
    const inode = decode(id.slice(separator + 1), INODE_BASE);
    if (seconds === undefined || micros === undefined || micros > 999999 || inode === undefined) {
      return undefined;
    }
    return { seconds, micros, inode };
  }
  if (!/^[0-9A-F]{6,21}$/.test(id)) return undefined;
  const micros = parseInt(id.slice(0, 5), 16);
  const inode = parseInt(id.slice(5), 16);
  return Number.isSafeInteger(inode) ? { micros, inode } : undefined;
}

/**
 * The text whose first characters name the hash directories of an id: the id itself, or the microseconds of a long id
 * as five hexadecimal digits.
 */
export function hashText(id: string): string {
  const separator = id.lastIndexOf("z");
  if (separator < SEPARATOR_INDEX) return id;
  const micros = decode(id.slice(separator - MICROS_WIDTH, separator), TIME_BASE) ?? 0;
  return micros.toString(16).toUpperCase().padStart(5, "0");
}

/** `9/6/` for an id and depth 2; `_` stands for characters that a short name lacks. */
export function hashDirectories(id: string, depth: number): string {
  const text = hashText(id);
  if (depth === 1) return (text[0] ?? "_") + "/";
  let path = "";
  for (let level = 0; level < depth; level++) path += (text[level] ?? "_") + "/";
  return path;
}
