import { decodeText, encodeText } from "../bytes/mod.ts";
import { foldKey } from "./fold.ts";
import { eachLogicalLine, isSpace } from "./source_lines.ts";

/** How the source of a table is read. */
export interface MapSourceOptions {
  /** What warnings call it. */
  readonly name: string;
  readonly foldCase: boolean;
  readonly utf8: boolean;
  /** Appended to the warning about a line without key or value. */
  readonly ignored: string;
  readonly warn: (text: string) => void;
}

/** A range of the byte array. */
export interface Range {
  readonly at: number;
  readonly length: number;
}

/** Takes the entries of a source. Bytes behind key and value may be overwritten with a NUL. */
export interface MapSourceTarget {
  /** The array that is read; asked for again after every call, because it may have grown. */
  readonly bytes: Uint8Array;
  /** Puts bytes that are not in the array into it. */
  append(bytes: Uint8Array): number;
  entry(keyAt: number, keyLength: number, valueAt: number, valueLength: number, line: number): void;
}

const LONGEST_SHOWN = 30;

/** A warning about a logical line that begins with white space; of a long one, the first octets up to a NUL are shown. */
export function leadingSpaceWarning(name: string, line: string): string {
  const bytes = encodeText(line);
  const beginning = decodeText(bytes.subarray(0, LONGEST_SHOWN));
  const shown = beginning.split("\0", 1)[0]! + (bytes.length > LONGEST_SHOWN ? "..." : "");
  return `${name}: logical line must not start with whitespace: "${shown}"`;
}

/**
 * Reads `key whitespace value` lines. Keys are folded where they are, so a plain line costs no allocation. Lines that can't
 * be used are skipped with a warning.
 * @param size bytes of the source at the beginning of the target's array
 */
export function readMapSource(target: MapSourceTarget, size: number, options: MapSourceOptions): void {
  const { name, warn } = options;
  const plain = isPlain(target.bytes, size);
  eachLogicalLine(target, size, (start, end, line) => {
    const bytes = target.bytes;
    const at = (text: string) => warn(`${name}, line ${line}: ${text}`);
    if (isSpace(bytes[start]!)) {
      warn(leadingSpaceWarning(name, decodeText(bytes.subarray(start, end))));
      return;
    }
    let stop = end;
    if (!plain) {
      const nul = bytes.subarray(start, end).indexOf(0);
      if (nul >= 0) stop = start + nul;
      if (options.utf8 && !isUtf8Line(bytes, start, stop, end)) {
        at(`non-UTF-8 input "${decodeText(bytes.subarray(start, stop))}" -- ignoring this line`);
        return;
      }
    }
    const keyEnd = endOfKey(bytes, start, stop);
    if (keyEnd < 0) {
      at(`unbalanced '"' in '${decodeText(bytes.subarray(start, stop))}' -- ignoring this line`);
      return;
    }
    let valueAt = keyEnd;
    let valueEnd = stop;
    while (valueAt < valueEnd && isSpace(bytes[valueAt]!)) valueAt += 1;
    while (valueEnd > valueAt && isSpace(bytes[valueEnd - 1]!)) valueEnd -= 1;
    if (keyEnd === start || valueAt === valueEnd) {
      at(`expected format: key whitespace value${options.ignored}`);
      return;
    }
    if (bytes[keyEnd - 1] === 0x3a) at('record is in "key: value" format; is this an alias file?');
    const key = options.foldCase
      ? fold(target, start, keyEnd, plain, options.utf8)
      : { at: start, length: keyEnd - start };
    target.entry(key.at, key.length, valueAt, valueEnd - valueAt, line);
  });
}

/**
 * Is a logical line UTF-8? Behind a NUL, at `stop`, nothing is read; Postfix does look there for other octets, unless the text
 * before it is ASCII.
 */
export function isUtf8Line(bytes: Uint8Array, start: number, stop: number, end: number): boolean {
  const text = bytes.subarray(start, stop);
  if (text.length > 0 && text.every((byte) => byte < 0x80)) return true;
  return decodeText(bytes.subarray(start, end)).isWellFormed();
}

/** No byte above 0x7f and no NUL: nothing that needs a closer look. */
function isPlain(bytes: Uint8Array, size: number): boolean {
  for (let at = 0; at < size; at++) {
    const byte = bytes[at]!;
    if (byte === 0 || byte > 0x7f) return false;
  }
  return true;
}

/** Where the key ends: at the first white space outside quotes; -1 if a quote is not closed. */
function endOfKey(bytes: Uint8Array, start: number, end: number): number {
  let quoted = false;
  let at = start;
  for (; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === 0x5c) at += 1;
    else if (byte === 0x22) quoted = !quoted;
    else if (!quoted && isSpace(byte)) break;
  }
  return quoted ? -1 : Math.min(at, end);
}

function fold(target: MapSourceTarget, start: number, end: number, plain: boolean, utf8: boolean): Range {
  const { bytes } = target;
  let ascii = true;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte >= 0x41 && byte <= 0x5a) bytes[at] = byte + 0x20;
    else if (byte > 0x7f) ascii = false;
  }
  if (plain || ascii || !utf8) return { at: start, length: end - start };
  const text = foldKey(decodeText(bytes.subarray(start, end)), true);
  const folded = encodeText(text);
  if (folded.length <= end - start) {
    bytes.set(folded, start);
    return { at: start, length: folded.length };
  }
  // Longer than before, so it goes elsewhere, with room for the NUL.
  return { at: target.append(encodeText(`${text}\0`)), length: folded.length };
}
