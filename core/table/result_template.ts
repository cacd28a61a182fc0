/** A rule that can't be used; every message becomes one warning. */
export class RuleError extends Error {
  override readonly name = "RuleError";
  /** @param unplaced messages that come first and without file and line, as Postfix prints them */
  constructor(readonly messages: readonly string[], readonly unplaced: readonly string[] = []) {
    super([...unplaced, ...messages].join("; "));
  }
}

/** A result with `$1` in it. */
export interface Template {
  /** The highest number used, 0 for none. */
  readonly groups: number;
  /** Puts the groups in; what did not match is empty. */
  expand(groups: readonly (string | undefined)[]): string;
}

/** `$name`, `${name}`, `$(name)` or `$$`; the last alternative is a `$` that is none of them. */
const MACRO = /\$(?:(\$)|\{([^{}]*)\}|\(([^()]*)\)|([A-Za-z0-9_]+)|)/g;

/**
 * Reads the result text of a pattern rule (regexp_table(5), TEXT SUBSTITUTION). Throws `RuleError` for what is not a
 * group number.
 */
export function parseTemplate(text: string, word: string): Template {
  const skip = "bad replacement syntax: skipping this rule";
  const bad = (problem: string) => new RuleError([problem, skip]);
  const parts: (string | number)[] = [];
  let from = 0;
  let groups = 0;
  for (const match of text.matchAll(MACRO)) {
    parts.push(text.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[1] !== undefined) {
      parts.push("$");
      continue;
    }
    const name = match[2] ?? match[3] ?? match[4];
    if (name === undefined || name === "") throw new RuleError([skip], [`empty macro name: "${text}"`]);
    if (!/^[0-9]+$/.test(name)) throw bad(`non-numeric replacement index "${name}"`);
    const group = Number(name);
    const range = word === "regexp" ? "out-of-range" : "out of range";
    if (group < 1) throw bad(`${range} replacement index "${name}"`);
    groups = Math.max(groups, group);
    parts.push(group);
  }
  parts.push(text.slice(from));
  const pieces = parts.filter((part) => part !== "");
  const fixed = pieces.every((part) => typeof part === "string") ? pieces.join("") : undefined;
  return {
    groups,
    expand(found) {
      if (fixed !== undefined) return fixed;
      let result = "";
      for (const piece of pieces) result += typeof piece === "string" ? piece : found[piece] ?? "";
      return result;
    },
  };
}
