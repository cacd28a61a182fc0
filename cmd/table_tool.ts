/** What postmap, postalias and newaliases share: the message form, the source of keys, the output. */
import { decodeText, encodeText } from "../core/bytes/mod.ts";
import { printable, type TableLog } from "../core/table/mod.ts";
import { printBytes, type Tool } from "./queue_tool.ts";

/** Messages with doubtful characters made visible. */
export function tableLog(tool: Tool): TableLog {
  return {
    info: (text) => tool.log.info(printable(text)),
    warning: (text) => tool.log.warning(printable(text)),
  };
}

/**
 * Lines of standard input without their ends, in the pieces in which they arrive, so that a program on the other side of
 * a pipe gets its answers without closing it.
 */
export function* inputLines(): Generator<readonly string[]> {
  let held = new Uint8Array(0);
  const buffer = new Uint8Array(1 << 18);
  for (;;) {
    const count = Deno.stdin.readSync(buffer);
    if (count === null) break;
    const last = buffer.lastIndexOf(NEWLINE, count - 1);
    const piece = new Uint8Array(held.length + count);
    piece.set(held);
    piece.set(buffer.subarray(0, count), held.length);
    if (last < 0) {
      held = piece;
      continue;
    }
    const end = held.length + last;
    held = piece.slice(end + 1);
    yield linesOf(piece.subarray(0, end));
  }
  if (held.length > 0) yield linesOf(held);
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
