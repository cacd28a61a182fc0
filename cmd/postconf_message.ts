/** What postconf says on standard error, and how it ends when it can't go on. */
import { encodeText } from "../core/bytes/mod.ts";

/** The command ends with exit code 1 after this message. */
export class PostconfFatal extends Error {
  override readonly name = "PostconfFatal";
}

/** Where output and messages go. */
export interface PostconfStreams {
  /** To standard output. */
  readonly output: (text: string) => void;
  /** `postconf: text` on standard error. */
  readonly complain: (text: string) => void;
  /** `postconf: warning: text` on standard error. */
  readonly warn: (text: string) => void;
}

/** Streams over two functions that take text: standard output and standard error in a program, lists in a test. */
export function postconfStreams(
  program: string,
  output: (text: string) => void,
  error: (text: string) => void,
): PostconfStreams {
  const complain = (text: string) => error(`${program}: ${printable(text)}\n`);
  return { output, complain, warn: (text) => complain(`warning: ${text}`) };
}

/** Standard output and standard error. A reader that went away is no error: there is nobody left to tell. */
export function standardStreams(program: string): PostconfStreams {
  return postconfStreams(program, (text) => {
    try {
      writeAll(Deno.stdout, encodeText(text));
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
  }, (text) => writeAll(Deno.stderr, encodeText(text)));
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) written += stream.writeSync(bytes.subarray(written));
}

/** Every octet that is no printable ASCII becomes a question mark, as in all Postfix messages of command-line tools. */
function printable(text: string): string {
  let result = "";
  for (const octet of encodeText(text)) {
    result += octet >= 0x20 && octet < 0x7f ? String.fromCharCode(octet) : "?";
  }
  return result;
}
