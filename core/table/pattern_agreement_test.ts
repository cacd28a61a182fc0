import assert from "node:assert/strict";
import { encodeText } from "../bytes/mod.ts";
import { compilePcre, compilePosixRegex, hasPcre, PcreFlag } from "../system/mod.ts";
import { translatePerl } from "./perl_pattern.ts";
import { translateExtended, Untranslatable } from "./posix_pattern.ts";

/** A small generator of numbers (mulberry32), so that every run has the same patterns. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

const ATOMS = [
  "a",
  "b",
  "Z",
  "0",
  " ",
  ".",
  "\\.",
  "[ab]",
  "[^a]",
  "[a-c0]",
  "[[:alpha:]]",
  "[[:digit:]_-]",
  "[]a]",
  "[^]b]",
  "^",
  "$",
  "-",
  "@",
  "\\w",
  "\\W",
  "\\s",
  "\\b",
  "\\$",
  "\\\\",
  "/",
  ":",
  "\\(",
  "{",
  "}",
  "]",
];
const PERL_ATOMS = [
  "\\d",
  "\\D",
  "\\S",
  "\\n",
  "(?:",
  "[\\w.]",
  "[\\]a]",
  "[a\\-z]",
  "\\x41",
  "\\Q",
  "a++",
  "(?=a)",
  "(?i)",
  "\\h",
  "(?<n>a)",
  "(?P<m>b)",
  "a{2}",
  "*?",
  "+?",
];
const POSIX_ATOMS = ["[a\\]", "[\\n]", "\\<", "\\>", "a{1,2}", "a**", "[[.a.]]", "[[=a=]]"];

function randomPattern(random: (limit: number) => number, atoms: readonly string[]): string {
  let pattern = "";
  let depth = 0;
  for (let count = 1 + random(7); count > 0; count--) {
    const choice = random(12);
    if (choice === 0) {
      pattern += "(";
      depth += 1;
    } else if (choice === 1 && depth > 0) {
      pattern += ")";
      depth -= 1;
    } else if (choice === 2) pattern += "|";
    else pattern += atoms[random(atoms.length)]! + ["", "", "", "*", "+", "?"][random(6)]!;
  }
  return pattern + ")".repeat(depth);
}

function randomSubject(random: (limit: number) => number): string {
  const letters = "aabbcZz01 .@-_$\\/:(){}]\n\tA";
  return Array.from({ length: random(8) }, () => letters[random(letters.length)]!).join("");
}

/** Does what was translated match the same subjects as the library? Returns how many patterns were compared. */
function compare(
  atoms: readonly string[],
  translate: (pattern: string) => RegExp,
  compileExact: (pattern: string) => (subject: string) => boolean,
): number {
  const random = randomNumbers(11);
  let compared = 0;
  for (let round = 0; round < 6000; round++) {
    const pattern = randomPattern(random, atoms);
    let exact: (subject: string) => boolean;
    try {
      exact = compileExact(pattern);
    } catch {
      // Not a pattern: then the library refuses it before any translation is tried.
      continue;
    }
    let translated: RegExp;
    try {
      translated = translate(pattern);
    } catch (error) {
      if (error instanceof Untranslatable || error instanceof SyntaxError) continue;
      throw error;
    }
    compared += 1;
    for (let subject = 0; subject < 12; subject++) {
      const text = randomSubject(random);
      assert.equal(
        translated.test(text),
        exact(text),
        `${JSON.stringify(pattern)} on ${JSON.stringify(text)}`,
      );
    }
  }
  return compared;
}

Deno.test("regexp: JavaScript and the C library agree about what matches", () => {
  const compared = compare(
    [...ATOMS, ...POSIX_ATOMS],
    (pattern) => {
      const { source, linear } = translateExtended(pattern);
      if (!linear) throw new Untranslatable("for the C library alone");
      return new RegExp(source, "i");
    },
    (pattern) => {
      const regex = compilePosixRegex(encodeText(`${pattern}\0`), {
        extended: true,
        ignoreCase: true,
        newline: false,
      });
      return (subject) => regex.execute(encodeText(`${subject}\0`), 0) !== undefined;
    },
  );
  assert.ok(compared > 1500, `only ${compared} patterns`);
});

Deno.test("pcre: what is translated means the same as in libpcre2", { ignore: !hasPcre() }, () => {
  const compared = compare(
    [...ATOMS, ...PERL_ATOMS],
    (pattern) => {
      const options = { dotAll: true, multiline: false, dollarEndOnly: false };
      return new RegExp(translatePerl(pattern, options).source, "i");
    },
    (pattern) => {
      const compiled = compilePcre(encodeText(pattern), PcreFlag.caseless | PcreFlag.dotAll);
      return (subject) => {
        const bytes = encodeText(subject);
        return compiled.execute(bytes, bytes.length, false) !== undefined;
      };
    },
  );
  assert.ok(compared > 1000, `only ${compared} patterns`);
});

Deno.test("pcre: patterns that can't be translated exactly are refused", () => {
  const options = { dotAll: true, multiline: false, dollarEndOnly: false };
  const patterns = [
    "\\Qa.b\\E",
    "\\h+",
    "a{,3}",
    "a++",
    "(?>a)",
    "(?=a)",
    "(a)\\1",
    "(?i)a",
    "(?R)",
    "(a|b)*",
    "\\Aa",
  ];
  for (const pattern of patterns) {
    if (pattern === "a{,3}") assert.equal(translatePerl(pattern, options).source, "a\\{,3\\}");
    else assert.throws(() => translatePerl(pattern, options), Untranslatable, pattern);
  }
});
