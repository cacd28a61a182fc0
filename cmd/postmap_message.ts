/** Lookup keys from a message on standard input: its header lines, its body lines (`postmap -hbm -q -`). */
import { decodeText } from "../core/bytes/mod.ts";
import type { Config } from "../core/config/mod.ts";
import { MimeEvent, MimeScanner } from "../core/message/mod.ts";
import { RecordType } from "../core/queue/types.ts";

/**
 * The keys in the order of the message. Headers are one key each, with newlines where they are folded; lines longer than
 * `line_length_limit` are more than one key.
 * @param given the letters on the command line: `h`, `b`, `m`
 */
export function* messageKeys(config: Config, given: ReadonlySet<string>): Generator<readonly string[]> {
  const scanner = new MimeScanner({
    headerLimit: config.int("header_size_limit"),
    boundaryLimit: config.int("mime_boundary_length_limit"),
    nestingLimit: config.int("mime_nesting_limit"),
    disabled: !given.has("m"),
    report: 0,
  });
  const wantsHeaders = given.has("h");
  const wantsBody = given.has("b");
  const longest = config.int("line_length_limit");
  let keys: string[] = [];
  const feed = (type: number, bytes: Uint8Array, start: number, end: number) => {
    for (;;) {
      const event = scanner.feed(type, bytes, start, end);
      if (event === MimeEvent.Held) return;
      if (event === MimeEvent.Header && wantsHeaders) keys.push(keyOf(scanner.header));
      // The empty line that the message lacks is looked up as well.
      if (event === MimeEvent.BlankLine && wantsBody) keys.push("");
      if (event !== MimeEvent.Body) continue;
      if (wantsBody) keys.push(keyOf(bytes.subarray(start, end)));
      return;
    }
  };
  for (const line of byteLines()) {
    let start = 0;
    for (; line.length - start > longest; start += longest) {
      feed(RecordType.Continued, line, start, start + longest);
    }
    feed(RecordType.Normal, line, start, line.length);
    if (keys.length > 1000) {
      yield keys;
      keys = [];
    }
  }
  for (let event = scanner.end(); event !== MimeEvent.Body; event = scanner.end()) {
    if (event === MimeEvent.Header && wantsHeaders) keys.push(keyOf(scanner.header));
  }
  yield keys;
}

function keyOf(bytes: Uint8Array): string {
  const nul = bytes.indexOf(0);
  return decodeText(nul < 0 ? bytes : bytes.subarray(0, nul));
}

/** Lines of standard input as bytes, without their newlines; a carriage return before one is part of the line. */
function* byteLines(): Generator<Uint8Array> {
  let held = new Uint8Array(0);
  const buffer = new Uint8Array(1 << 16);
  for (;;) {
    const count = Deno.stdin.readSync(buffer);
    if (count === null) break;
    const bytes = new Uint8Array(held.length + count);
    bytes.set(held);
    bytes.set(buffer.subarray(0, count), held.length);
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
      yield bytes.subarray(start, end);
      start = end + 1;
    }
    held = bytes.slice(start);
  }
  if (held.length > 0) yield held;
}
