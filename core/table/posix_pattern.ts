/**
 * POSIX extended regular expressions in the form that JavaScript runs. Whether a pattern matches is the same in both;
 * which groups match is not always (POSIX wants the longest match, JavaScript takes the first).
 */

/** The pattern is not one that can be translated exactly. */
export class Untranslatable extends Error {
  override readonly name = "Untranslatable";
}

export interface TranslatedPattern {
  readonly source: string;
  readonly groups: number;
  /** Can the engine fall back to a method without backtracking? Not with look-around, back-references, counts. */
  readonly linear: boolean;
}

/** Members of the named classes in the C locale, as they stand between brackets. */
export const POSIX_CLASSES: Readonly<Record<string, string>> = {
  alpha: "A-Za-z",
  digit: "0-9",
  alnum: "A-Za-z0-9",
  upper: "A-Z",
  lower: "a-z",
  space: " \\t\\n\\r\\f\\v",
  blank: " \\t",
  punct: "!-\\/:-@\\[-`{-~",
  print: " -~",
  graph: "!-~",
  cntrl: "\\0-\\x1f\\x7f",
  xdigit: "0-9A-Fa-f",
};

/** What a backslash and a letter mean in the C library's POSIX patterns. */
const ESCAPES: Readonly<Record<string, string>> = {
  w: "[A-Za-z0-9_]",
  W: "[^A-Za-z0-9_]",
  s: "[ \\t\\n\\r\\f\\v]",
  S: "[^ \\t\\n\\r\\f\\v]",
  b: "\\b",
  B: "\\B",
  "<": "\\b(?=\\w)",
  ">": "\\b(?<=\\w)",
  "`": "^",
  "'": "$",
};

/**
 * Translates an extended pattern of ASCII characters. Throws `Untranslatable` for anything that could mean something
 * else in JavaScript.
 */
export function translateExtended(pattern: string): TranslatedPattern {
  if (/[^ -~\t]/.test(pattern)) throw new Untranslatable("characters outside ASCII");
  let source = "";
  let groups = 0;
  let linear = true;
  let depth = 0;
  /** May a repetition follow? */
  let atom = false;
  for (let at = 0; at < pattern.length;) {
    const character = pattern[at]!;
    if (character === "[") {
      const bracket = translateBracket(pattern, at);
      source += bracket.source;
      at = bracket.end;
      atom = true;
      continue;
    }
    at += 1;
    if (character === "\\") {
      const next = pattern[at];
      if (next === undefined) throw new Untranslatable("backslash at the end");
      at += 1;
      if (/[1-9]/.test(next)) source += `(?:\\${next})`;
      else source += ESCAPES[next] ?? quoteLiteral(next);
      if (/[1-9<>]/.test(next)) linear = false;
      atom = true;
    } else if (character === "(") {
      groups += 1;
      depth += 1;
      source += "(";
      atom = false;
    } else if (character === ")") {
      if (depth === 0) throw new Untranslatable("unmatched )");
      depth -= 1;
      source += ")";
      atom = true;
    } else if (character === "|") {
      source += "|";
      atom = false;
    } else if (character === "*" || character === "+" || character === "?" || character === "{") {
      if (!atom) throw new Untranslatable("repetition of nothing");
      const [repeat] = character === "{"
        ? /^\{\d{1,4}(?:,\d{0,4})?\}/.exec(pattern.slice(at - 1)) ?? [""]
        : [character];
      if (repeat === "") throw new Untranslatable("unusual {");
      source += repeat;
      if (character === "{") linear = false;
      at += repeat.length - 1;
      // A second repetition would be read as lazy or possessive, so wrap what there is.
      if (/[*+?{]/.test(pattern[at] ?? "")) throw new Untranslatable("repeated repetition");
    } else if (character === "^" || character === "$") {
      // Elsewhere in a pattern the C library has ideas of its own about them.
      const before = pattern[at - 2] ?? "(";
      const after = pattern[at] ?? ")";
      const escaped = /\\[(|]$/.test(pattern.slice(0, at - 1));
      const atEdge = character === "^" ? /[(|]/.test(before) && !escaped : /[)|]/.test(after);
      if (!atEdge) throw new Untranslatable("an anchor in the middle");
      source += character;
      atom = false;
    } else if (character === ".") {
      source += "[\\s\\S]";
      atom = true;
    } else {
      source += quoteLiteral(character);
      atom = true;
    }
  }
  if (depth !== 0) throw new Untranslatable("unmatched (");
  return { source, groups, linear };
}

function quoteLiteral(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}

/** Translates the bracket expression at `start`; in it a backslash has no meaning of its own. */
function translateBracket(pattern: string, start: number): { source: string; end: number } {
  let at = start + 1;
  let source = "[";
  if (pattern[at] === "^") {
    source += "^";
    at += 1;
  }
  const begin = at;
  for (;;) {
    const character = pattern[at];
    if (character === undefined) throw new Untranslatable("unmatched [");
    if (character === "]" && at > begin) return { source: source + "]", end: at + 1 };
    if (character === "[" && /[:.=]/.test(pattern[at + 1] ?? "")) {
      const named = /^\[:([a-z]+):\]/.exec(pattern.slice(at));
      const members = named === null ? undefined : POSIX_CLASSES[named[1]!];
      if (members === undefined) throw new Untranslatable("collating element");
      source += members;
      at += named![0].length;
      if (pattern[at] === "-" && pattern[at + 1] !== "]") throw new Untranslatable("range after a class");
      continue;
    }
    at += 1;
    if (pattern[at] === "-" && pattern[at + 1] !== "]" && pattern[at + 1] !== undefined) {
      const last = pattern[at + 1]!;
      if (last === "[" || last < character) throw new Untranslatable("unusual range");
      source += `${quoteMember(character)}-${quoteMember(last)}`;
      at += 2;
    } else source += quoteMember(character);
  }
}

function quoteMember(character: string): string {
  return /[\\\]^[-]/.test(character) ? `\\${character}` : character;
}
