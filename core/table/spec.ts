import { trimBoth } from "./logical_lines.ts";
import { TableError } from "./types.ts";

/** A `type:name` taken apart. */
export interface TableSpec {
  readonly type: string;
  readonly name: string;
  /** `debug:` stood in front: every lookup is logged. */
  readonly debug: boolean;
}

/**
 * Takes `type:name` apart. `proxy:` in front is dropped, because tables are opened in the process that asks;
 * `debug:` is remembered. Throws `TableError` where the type or the name is missing.
 */
export function parseSpec(spec: string): TableSpec {
  let rest = spec;
  let debug = false;
  for (;;) {
    const colon = rest.indexOf(":");
    if (colon <= 0 || colon === rest.length - 1) {
      throw new TableError(
        "configuration",
        `open dictionary: expecting "type:name" form instead of "${rest}"`,
      );
    }
    const type = rest.slice(0, colon);
    const name = rest.slice(colon + 1);
    if (type !== "proxy" && type !== "debug") return { type, name, debug };
    if (type === "debug") debug = true;
    rest = name;
  }
}

const SEPARATORS = ", \t\r\n";

/**
 * Splits at commas and white space, except inside `{ }`, as Postfix does for parameters that list tables or patterns.
 * Unbalanced braces reach to the end of the text.
 */
export function splitList(text: string): string[] {
  const items: string[] = [];
  let item = "";
  let depth = 0;
  for (const character of text) {
    if (character === "{") depth += 1;
    else if (character === "}" && depth > 0) depth -= 1;
    if (depth === 0 && SEPARATORS.includes(character)) {
      if (item !== "") items.push(item);
      item = "";
    } else item += character;
  }
  if (item !== "") items.push(item);
  return items;
}

/**
 * The text between an outer `{` and `}`, trimmed. Throws what `refuse` makes of the problem when a brace is missing or
 * something follows the last.
 */
export function insideBraces(text: string, refuse: (problem: string) => Error): string {
  if (!text.startsWith("{")) throw refuse(`no '{' at start of text in "${text}"`);
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "{") depth += 1;
    else if (text[at] === "}") {
      depth -= 1;
      if (depth > 0) continue;
      if (at < text.length - 1) throw refuse(`syntax error after '}' in "${text}"`);
      return trimBoth(text.slice(1, at));
    }
  }
  throw refuse(`missing '}' in "${text}"`);
}

/** The items of `{ one, two }`. Throws what `refuse` makes of the problem where the braces are wrong or nothing is in them. */
export function bracedItems(text: string, refuse: () => Error): string[] {
  const items = splitList(insideBraces(text, refuse));
  if (items.length === 0) throw refuse();
  return items;
}
