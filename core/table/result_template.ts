/** A rule that can't be used; every message becomes one warning. */
export class RuleError extends Error {
  override readonly name = "RuleError";
  constructor(readonly messages: readonly string[]) {
    super(messages.join("; "));
  }
}

/** A result with `$1` in it. */
export interface Template {
  /** The highest number used, 0 for none. */
  readonly groups: number;
  /** Puts the groups in; what did not match is empty. */
  expand(groups: readonly (string | undefined)[]): string;
}

/** Where a template's mistakes are reported. */
export interface TemplateWarnings {
  /** A warning with the rule's place. */
  warn(problem: string): void;
  /** One without it, as Postfix has them where its parser does not know the place. */
  say(problem: string): void;
}

/**
 * Reads the result text of a pattern rule (regexp_table(5), TEXT SUBSTITUTION): `$name`, `${name}`, `$(name)` and `$$`.
 * Throws `RuleError` for what is not a group number, after it has said what.
 */
export function parseTemplate(text: string, word: string, { warn, say }: TemplateWarnings): Template {
  const parts: (string | number)[] = [];
  const range = word === "regexp" ? "out-of-range" : "out of range";
  let from = 0;
  let groups = 0;
  let wrong = false;
  for (let dollar = text.indexOf("$"); dollar >= 0; dollar = text.indexOf("$", from)) {
    parts.push(text.slice(from, dollar));
    if (text[dollar + 1] === "$") {
      parts.push("$");
      from = dollar + 2;
      continue;
    }
    const reference = referenceAt(text, dollar + 1);
    // After a mistake Postfix goes on to the next name, but not to one in brackets.
    if (wrong && reference !== undefined && /[{(]/.test(text[dollar + 1]!)) break;
    if (reference === undefined || reference.name === "") {
      say(`${reference === undefined ? "truncated macro reference" : "empty macro name"}: "${text}"`);
      wrong = true;
      break;
    }
    from = reference.end;
    const { name } = reference;
    const group = Number(name);
    const problem = !/^[0-9]+$/.test(name) ? "non-numeric" : group < 1 ? range : undefined;
    if (problem !== undefined) {
      warn(`${problem} replacement index "${name}"`);
      wrong = true;
    }
    groups = Math.max(groups, group);
    parts.push(group);
  }
  if (wrong) throw new RuleError(["bad replacement syntax: skipping this rule"]);
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

/** The name behind a `$` and the place behind the reference; undefined if its bracket is not closed. */
function referenceAt(
  text: string,
  start: number,
): { readonly name: string; readonly end: number } | undefined {
  const opening = text[start];
  if (opening !== "{" && opening !== "(") {
    const name = /^[A-Za-z0-9_]*/.exec(text.slice(start))![0];
    return { name, end: start + name.length };
  }
  const closing = opening === "{" ? "}" : ")";
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === opening) depth += 1;
    else if (text[at] === closing && --depth === 0) return { name: text.slice(start + 1, at), end: at + 1 };
  }
  return undefined;
}
