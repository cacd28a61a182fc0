import { decodeText } from "../bytes/mod.ts";
import { ConfigError } from "../config/types.ts";
import type { Table } from "../table/types.ts";
import type { AddressDeps } from "./deps.ts";
import { immediately, type Steps, wait } from "./steps.ts";

/** How patterns of a list apply to names: whole names, or domains with their subdomains. */
export type MatchStyle = "string" | "domain";

/** A list of names, `!names`, `/files` and `type:tables` such as `mydestination`; the first match decides. */
export interface MatchList {
  readonly isEmpty: boolean;
  matches(name: string): Steps<boolean>;
}

interface Pattern {
  readonly negated: boolean;
  /** Lower case; undefined for a table. */
  readonly text?: string;
  readonly table?: Table;
}

/** Is `parameter` one of those whose domain patterns match subdomains (`parent_domain_matches_subdomains`)? */
export function parentMatchesSubdomains(deps: AddressDeps, parameter: string): boolean {
  return deps.config.list("parent_domain_matches_subdomains").includes(parameter);
}

/** Opens the list that `parameter` holds. Throws `ConfigError` for unreadable files, `TableError` for bad tables. */
export function openMatchList(deps: AddressDeps, parameter: string, style: MatchStyle): MatchList {
  const patterns = compile(deps, parameter, deps.config.list(parameter), false);
  const parent = style === "domain" && parentMatchesSubdomains(deps, parameter);
  if (patterns.length === 0) {
    return {
      isEmpty: true,
      matches: () => immediately(false),
    };
  }
  const simple = simpleMatcher(patterns, style);
  if (simple !== undefined) {
    return {
      isEmpty: false,
      matches: (name) => immediately(simple(name)),
    };
  }
  return {
    isEmpty: false,
    *matches(name) {
      const lower = name.toLowerCase();
      for (const pattern of patterns) {
        const hit = pattern.table !== undefined
          ? yield* inTable(pattern.table, lower, style, parent)
          : matchesText(pattern.text!, lower, style, parent);
        if (hit) return !pattern.negated;
      }
      return false;
    },
  };
}

/** A list of plain names is a set. */
function simpleMatcher(
  patterns: readonly Pattern[],
  style: MatchStyle,
): ((name: string) => boolean) | undefined {
  if (style === "domain" || patterns.some((pattern) => pattern.negated || pattern.text === undefined)) {
    return undefined;
  }
  const names = new Set(patterns.map((pattern) => pattern.text));
  return (name) => names.has(name) || names.has(name.toLowerCase());
}

function compile(
  deps: AddressDeps,
  parameter: string,
  items: readonly string[],
  negated: boolean,
): Pattern[] {
  return items.flatMap((item) => {
    let text = item;
    let not = negated;
    while (text.startsWith("!")) {
      not = !not;
      text = text.slice(1);
    }
    if (text === "") return [];
    if (text.startsWith("/")) return compile(deps, parameter, fileItems(deps, parameter, text), not);
    if (isTable(text)) {
      return [{ negated: not, table: deps.tables.open(text, { foldCase: true, utf8: true }) }];
    }
    return [{ negated: not, text: text.toLowerCase() }];
  });
}

/** `type:name`, and not an address such as `[::1]` or `2001:db8::1`. */
function isTable(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_-]*:/.test(text) && !text.startsWith("[");
}

function fileItems(deps: AddressDeps, parameter: string, path: string): string[] {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    throw new ConfigError(
      `${parameter}: cannot read "${path}": ${error instanceof Error ? error.message : error}`,
      deps.config.origin(parameter),
    );
  }
  return decodeText(bytes).split("\n").filter((line) => !/^\s*#/.test(line))
    .flatMap((line) => line.split(/[\s,]+/)).filter((item) => item !== "");
}

function matchesText(pattern: string, name: string, style: MatchStyle, parent: boolean): boolean {
  if (name === pattern) return true;
  if (style === "string") return false;
  const suffix = parent ? `.${pattern}` : pattern.startsWith(".") ? pattern : undefined;
  return suffix !== undefined && name.length > suffix.length && name.endsWith(suffix);
}

function* inTable(table: Table, name: string, style: MatchStyle, parent: boolean): Steps<boolean> {
  if ((yield* wait(table.lookup(name))) !== undefined) return true;
  if (style === "string" || table.matchesPatterns) return false;
  for (let dot = name.indexOf(".", 1); dot !== -1; dot = name.indexOf(".", dot + 1)) {
    const key = parent ? name.slice(dot + 1) : name.slice(dot);
    if ((yield* wait(table.lookup(key))) !== undefined) return true;
  }
  return false;
}
