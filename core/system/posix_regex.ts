import { libc } from "./libc.ts";

/** A regular expression compiled by the C library. */
export interface PosixRegex {
  /**
   * Byte offsets of the match and its groups (start, end, start, end ...; -1 where a group took no part), or undefined.
   * @param subject bytes with a NUL at the end
   * @param groups how many groups are wanted; 0 to learn only whether it matches
   */
  execute(subject: Uint8Array<ArrayBuffer>, groups: number): number[] | undefined;
}

const REG_EXTENDED = 1;
const REG_ICASE = 2;
const REG_NEWLINE = 4;
const REG_NOSUB = 8;
/** Room for a regex_t, whatever the C library. */
const REGEX_SIZE = 256;

/** Width of an offset in a regmatch_t: 4 bytes in glibc, 8 in musl. */
let offsetWidth: 4 | 8 | undefined;

/** Gives the library's memory back when nobody holds the expression any more. */
const compiled = new FinalizationRegistry<readonly Uint8Array<ArrayBuffer>[]>((parts) => {
  for (const memory of parts) libc().regfree(memory);
});

/**
 * Compiles a POSIX pattern (regcomp(3)). Throws an error with the library's words for what is wrong with it.
 * @param pattern bytes with a NUL at the end
 */
export function compilePosixRegex(
  pattern: Uint8Array<ArrayBuffer>,
  options: { readonly extended: boolean; readonly ignoreCase: boolean; readonly newline: boolean },
): PosixRegex {
  const flags = (options.extended ? REG_EXTENDED : 0) | (options.ignoreCase ? REG_ICASE : 0) |
    (options.newline ? REG_NEWLINE : 0);
  const whole = compile(pattern, flags);
  // Without groups the library can use a faster method.
  const test = compile(pattern, flags | REG_NOSUB);
  const matches = new DataView(new ArrayBuffer(1600));
  const regex: PosixRegex = {
    execute(subject, groups) {
      if (groups === 0) return libc().regexec(test, subject, 0n, null, 0) === 0 ? [] : undefined;
      offsetWidth ??= probeOffsetWidth();
      const width = offsetWidth;
      const count = Math.min(groups + 1, Math.floor(matches.byteLength / (2 * width)));
      if (libc().regexec(whole, subject, BigInt(count), matches, 0) !== 0) return undefined;
      return Array.from(
        { length: count * 2 },
        (_, at) => width === 4 ? matches.getInt32(at * 4, true) : Number(matches.getBigInt64(at * 8, true)),
      );
    },
  };
  compiled.register(regex, [whole, test]);
  return regex;
}

function compile(pattern: Uint8Array<ArrayBuffer>, flags: number): Uint8Array<ArrayBuffer> {
  const memory = new Uint8Array(new ArrayBuffer(REGEX_SIZE));
  const status = libc().regcomp(memory, pattern, flags);
  if (status !== 0) {
    const text = new Uint8Array(200);
    libc().regerror(status, memory, text, BigInt(text.length));
    throw new Error(new TextDecoder().decode(text.subarray(0, text.indexOf(0))));
  }
  return memory;
}

function probeOffsetWidth(): 4 | 8 {
  const bytes = (text: string) => new TextEncoder().encode(`${text}\0`);
  const memory = compile(bytes("b"), REG_EXTENDED);
  const match = new Int32Array(8);
  libc().regexec(memory, bytes("ab"), 1n, match, 0);
  return match[1] === 2 ? 4 : 8;
}
