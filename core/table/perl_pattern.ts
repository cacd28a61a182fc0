import { POSIX_CLASSES, type TranslatedPattern, Untranslatable } from "./posix_pattern.ts";

/** How the pattern is to be read. */
export interface PerlOptions {
  readonly dotAll: boolean;
  readonly multiline: boolean;
  readonly dollarEndOnly: boolean;
}

const ESCAPED_CLASSES: Readonly<Record<string, string>> = {
  d: "0-9",
  w: "A-Za-z0-9_",
  s: " \\t\\n\\r\\f\\v",
};

const CONTROLS: Readonly<Record<string, string>> = { n: "\\n", r: "\\r", t: "\\t", f: "\\f" };

/**
 * Translates a Perl-compatible pattern of ASCII characters into a JavaScript one (without flag `u`) that means exactly the
 * same for ASCII subjects. Everything that could mean something else, or that JavaScript can't run in bounded time (look-around, back-references,
 * counted repetitions), throws `Untranslatable`.
 */
export function translatePerl(pattern: string, options: PerlOptions): TranslatedPattern {
  if (/[^ -~\t]/.test(pattern)) throw new Untranslatable("a pattern outside ASCII");
  let source = "";
  let groups = 0;
  for (let at = 0; at < pattern.length;) {
    const rest = pattern.slice(at);
    const character = pattern[at]!;
    if (character === "[") {
      const set = /^\[\^?\]?(?:\[:\^?[a-z]+:\]|\\.|[^\]\\])*\]/.exec(rest);
      if (set === null) throw new Untranslatable("a character class without an end");
      source += translateClass(set[0]);
      at += set[0].length;
      continue;
    }
    if (character === "\\") {
      source += translateEscape(pattern[at + 1]);
      at += 2;
      continue;
    }
    const group = /^\((?:\?(?:(:)|P?<([A-Za-z]\w*)>)?)?/.exec(rest);
    if (group !== null) {
      if (rest.startsWith("(*") || (rest.startsWith("(?") && group[0] === "(?")) {
        throw new Untranslatable(`the group ${rest.slice(0, 4)}`);
      }
      if (group[1] === undefined) groups += 1;
      source += group[1] === undefined ? "(" : "(?:";
      at += group[0].length;
      continue;
    }
    const repeat = /^[*+?]\??/.exec(rest);
    if (repeat !== null) {
      if (/^[*+?][*+]/.test(rest)) throw new Untranslatable("a possessive repetition");
      source += repeat[0];
      at += repeat[0].length;
      // In JavaScript a group inside a repetition forgets what it matched in an earlier round.
      if (source.endsWith(`)${repeat[0]}`) && groups > 0) throw new Untranslatable("a repeated group");
      continue;
    }
    if (/^\{\d/.test(rest)) throw new Untranslatable("a counted repetition");
    source += translateSingle(character, options);
    at += 1;
  }
  return { source, groups, linear: true };
}

function translateSingle(character: string, options: PerlOptions): string {
  switch (character) {
    case ".":
      return options.dotAll ? "[\\s\\S]" : "[^\\n]";
    case "^":
    case "$":
      if (options.multiline) throw new Untranslatable("an anchor with option m");
      if (character === "$" && !options.dollarEndOnly) return "(?:\\n?$)";
      return character;
    case "|":
    case ")":
      return character;
    default:
      return /[/{}\]]/.test(character) ? `\\${character}` : character;
  }
}

function translateEscape(letter: string | undefined): string {
  if (letter === undefined) throw new Untranslatable("a backslash at the end");
  const members = ESCAPED_CLASSES[letter.toLowerCase()];
  if (members !== undefined) return `[${letter === letter.toLowerCase() ? "" : "^"}${members}]`;
  if (CONTROLS[letter] !== undefined) return CONTROLS[letter];
  if (letter === "b" || letter === "B") return `\\${letter}`;
  if (/[A-Za-z0-9]/.test(letter)) throw new Untranslatable(`\\${letter}`);
  return /[\\^$.*+?()[\]{}|/-]/.test(letter) ? letter === "-" ? "-" : `\\${letter}` : letter;
}

function translateClass(set: string): string {
  const negated = set[1] === "^";
  let body = set.slice(negated ? 2 : 1, -1);
  let source = "";
  while (body !== "") {
    const named = /^\[:([a-z]+):\]/.exec(body);
    if (named !== null) {
      const members = POSIX_CLASSES[named[1]!];
      if (members === undefined) throw new Untranslatable(`the class ${named[0]}`);
      source += members;
      body = body.slice(named[0].length);
      continue;
    }
    if (body[0] === "\\") {
      const letter = body[1] ?? "";
      const members = ESCAPED_CLASSES[letter] ?? CONTROLS[letter];
      if (members === undefined && /[A-Za-z0-9]/.test(letter)) {
        throw new Untranslatable(`\\${letter} in a class`);
      }
      source += members ?? `\\${letter}`;
      body = body.slice(2);
      continue;
    }
    source += /[[\]^\\/(){}|]/.test(body[0]!) ? `\\${body[0]}` : body[0];
    body = body.slice(1);
  }
  return `[${negated ? "^" : ""}${source}]`;
}
