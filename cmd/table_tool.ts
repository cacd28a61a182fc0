/** What postmap, postalias and newaliases share: the message form, the source of keys, the output. */
import { decodeText, encodeText } from "../core/bytes/mod.ts";
import { printable } from "../core/bytes/mod.ts";
import type { MakeOptions } from "../core/table/asking.ts";
import { printBytes, type Tool } from "./queue_tool.ts";

/** Messages with doubtful characters made visible. */
export function tableLog(tool: Tool): MakeOptions["log"] {
  return {
    info: (text) => tool.log.info(printable(text)),
    warning: (text) => tool.log.warning(printable(text)),
  };
}

/**
 * Standard input in whole lines, each with its newline (one that is missing at the end is added), in the pieces in which
 * it arrives, so that a program on the other side of a pipe gets its answers without closing it. A piece is valid until
 * the next.
 */
export function* inputPieces(): Generator<Uint8Array> {
  let buffer = new Uint8Array(1 << 16);
  let filled = 0;
  for (;;) {
    // One byte stays free for the newline that may be missing.
    if (buffer.length - filled < 4096) {
      const grown = new Uint8Array(buffer.length * 2);
      grown.set(buffer);
      buffer = grown;
    }
    const count = Deno.stdin.readSync(buffer.subarray(filled, buffer.length - 1));
    if (count === null) break;
    const last = buffer.subarray(filled, filled + count).lastIndexOf(NEWLINE);
    const end = filled + last + 1;
    filled += count;
    if (last < 0) continue;
    yield buffer.subarray(0, end);
    buffer.copyWithin(0, end, filled);
    filled -= end;
  }
  if (filled === 0) return;
  buffer[filled] = NEWLINE;
  yield buffer.subarray(0, filled + 1);
}

/** The same as text, without the ends of the lines. */
export function* inputLines(): Generator<readonly string[]> {
  for (const piece of inputPieces()) yield linesOf(piece.subarray(0, -1));
}

const NEWLINE = 0x0a;

function linesOf(bytes: Uint8Array): string[] {
  const lines = decodeText(bytes).split("\n");
  // A key ends at a NUL, as every text does that a C program reads.
  return bytes.includes(0) ? lines.map((line) => line.split("\0", 1)[0]!) : lines;
}

/** Collects output and writes it in large pieces. */
export class Output {
  #held = "";
  /** False once the reader is gone. */
  open = true;

  add(text: string): void {
    this.#held += text;
    if (this.#held.length > 65536) this.flush();
  }

  flush(): void {
    if (this.#held === "") return;
    if (this.open) this.open = printBytes(encodeText(this.#held));
    this.#held = "";
  }
}

/** One line of JSON for a key and its value; octets that are not UTF-8 become U+FFFD. */
export function jsonLine(key: string, value: string): string {
  return `{${JSON.stringify(key.toWellFormed())}: ${JSON.stringify(value.toWellFormed())}}\n`;
}
