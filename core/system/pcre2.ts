/** Perl-compatible regular expressions by libpcre2-8, where the system has it. */

const SYMBOLS = {
  pcre2_compile_8: {
    parameters: ["buffer", "usize", "u32", "buffer", "buffer", "pointer"],
    result: "pointer",
  },
  pcre2_code_free_8: { parameters: ["pointer"], result: "void" },
  pcre2_get_error_message_8: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  pcre2_match_context_create_8: { parameters: ["pointer"], result: "pointer" },
  pcre2_set_match_limit_8: { parameters: ["pointer", "u32"], result: "i32" },
  pcre2_set_heap_limit_8: { parameters: ["pointer", "u32"], result: "i32" },
  pcre2_match_data_create_from_pattern_8: { parameters: ["pointer", "pointer"], result: "pointer" },
  pcre2_match_data_free_8: { parameters: ["pointer"], result: "void" },
  pcre2_substring_length_bynumber_8: { parameters: ["pointer", "u32", "buffer"], result: "i32" },
  pcre2_substring_copy_bynumber_8: { parameters: ["pointer", "u32", "buffer", "buffer"], result: "i32" },
  pcre2_pattern_info_8: { parameters: ["pointer", "u32", "buffer"], result: "i32" },
  pcre2_jit_compile_8: { parameters: ["pointer", "u32"], result: "i32" },
  pcre2_match_8: {
    parameters: ["pointer", "buffer", "usize", "usize", "u32", "pointer", "pointer"],
    result: "i32",
  },
} as const;

type Library = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Options of pcre2_compile (pcre2api(3)). */
export const PcreFlag = {
  caseless: 0x00000008,
  dollarEndOnly: 0x00000010,
  dotAll: 0x00000020,
  extended: 0x00000080,
  multiline: 0x00000400,
  ungreedy: 0x00040000,
  anchored: 0x80000000,
} as const;

const INFO_CAPTURE_COUNT = 4;
const JIT_COMPLETE = 1;
const MATCH_NO_JIT = 0x00002000;
const ERROR_NO_MATCH = -1;
const ERROR_JIT_STACK_LIMIT = -46;

/**
 * Steps after which a match is given up: a tenth of a second or so on ordinary machines. The library's own default
 * is ten million.
 */
const MATCH_LIMIT = 1_000_000;
/** Most memory of one match, in KiB. */
const HEAP_LIMIT = 20_000;

/** A compiled pattern. */
export interface PcrePattern {
  readonly groups: number;
  /**
   * The bytes of the match and its groups (undefined where a group took no part), or undefined if it does not match.
   * Throws an error with the library's words when it gives up.
   * @param length bytes of the subject
   * @param capture without it the array is empty
   */
  execute(
    subject: Uint8Array<ArrayBuffer>,
    length: number,
    capture: boolean,
  ): (Uint8Array | undefined)[] | undefined;
}

let library: Library | null | undefined;

function load(): Library | null {
  if (library !== undefined) return library;
  for (const name of ["libpcre2-8.so.0", "libpcre2-8.so"]) {
    try {
      return library = Deno.dlopen(name, SYMBOLS).symbols;
    } catch {
      // Not under this name; without the library patterns are translated.
    }
  }
  return library = null;
}

/** Is libpcre2-8 there? Asked once before a process gives up the right to load libraries, it goes on working. */
export function hasPcre(): boolean {
  return load() !== null;
}

const released = new FinalizationRegistry<{ code: Deno.PointerValue; data: Deno.PointerValue }>((parts) => {
  load()?.pcre2_match_data_free_8(parts.data);
  load()?.pcre2_code_free_8(parts.code);
});

let limits: Deno.PointerValue | undefined;

/** Limits that all matches share. */
function matchLimits(pcre: Library): Deno.PointerValue {
  if (limits === undefined) {
    limits = pcre.pcre2_match_context_create_8(null);
    pcre.pcre2_set_match_limit_8(limits, MATCH_LIMIT);
    pcre.pcre2_set_heap_limit_8(limits, HEAP_LIMIT);
  }
  return limits;
}

/**
 * Compiles a pattern. Throws an error with the library's words, `error in regex at offset N: ...`, or if the library
 * isn't there.
 */
export function compilePcre(pattern: Uint8Array<ArrayBuffer>, flags: number): PcrePattern {
  const pcre = load();
  if (pcre === null) throw new Error("libpcre2-8 is not installed");
  const problem = new Int32Array(1);
  const offset = new BigUint64Array(1);
  const code = pcre.pcre2_compile_8(pattern, BigInt(pattern.length), flags >>> 0, problem, offset, null);
  if (code === null) {
    throw new Error(`error in regex at offset ${offset[0]}: ${errorText(pcre, problem[0]!)}`);
  }
  const count = new Uint32Array(1);
  pcre.pcre2_pattern_info_8(code, INFO_CAPTURE_COUNT, count);
  const groups = count[0]!;
  // Without just-in-time compilation the library interprets the pattern, which is only slower.
  pcre.pcre2_jit_compile_8(code, JIT_COMPLETE);
  const data = pcre.pcre2_match_data_create_from_pattern_8(code, null);
  if (data === null) throw new Error("libpcre2-8 has no memory for a match");
  const context = matchLimits(pcre);
  const compiled: PcrePattern = {
    groups,
    execute(subject, length, capture) {
      const size = BigInt(length);
      let status = pcre.pcre2_match_8(code, subject, size, 0n, 0, data, context);
      if (status === ERROR_JIT_STACK_LIMIT) {
        status = pcre.pcre2_match_8(code, subject, size, 0n, MATCH_NO_JIT, data, context);
      }
      if (status === ERROR_NO_MATCH) return undefined;
      if (status < 0) throw new Error(errorText(pcre, status));
      return capture ? Array.from({ length: groups + 1 }, (_, group) => groupBytes(pcre, data, group)) : [];
    },
  };
  released.register(compiled, { code, data });
  return compiled;
}

/** Copies a group out; following the library's pointer to it would take a right that daemons give up. */
function groupBytes(pcre: Library, data: Deno.PointerValue, group: number): Uint8Array | undefined {
  const length = new BigUint64Array(1);
  if (pcre.pcre2_substring_length_bynumber_8(data, group, length) !== 0) return undefined;
  const bytes = new Uint8Array(Number(length[0]) + 1);
  length[0] = BigInt(bytes.length);
  if (pcre.pcre2_substring_copy_bynumber_8(data, group, bytes, length) !== 0) return undefined;
  return bytes.subarray(0, -1);
}

function errorText(pcre: Library, code: number): string {
  const text = new Uint8Array(256);
  pcre.pcre2_get_error_message_8(code, text, 256n);
  return new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
}
