import type { OpenContext } from "./context.ts";
import { keptValue } from "./file_contents.ts";
import { trimBoth } from "./logical_lines.ts";
import { bracedItems, insideBraces, splitList } from "./spec.ts";
import { type Table, TableError } from "./types.ts";

/** `static:value` answers every key with the value; `static:{ value with spaces }` too. */
export function openStatic(context: OpenContext): Table {
  const { type, name } = context;
  const refuse = (problem: string) => new TableError("configuration", `bad ${type}:name syntax: ${problem}`);
  const given = name.startsWith("{") ? insideBraces(name, refuse) : name;
  const value = requireValue(given, context);
  return { type, name, matchesPatterns: false, lookup: () => value, close() {} };
}

/** The value, or what the files that it names hold. Throws `TableError` with the reason and `hint` if they can't be read. */
function requireValue(value: string, { flags }: OpenContext, hint = ""): string {
  const kept = keptValue(value, flags);
  if ("value" in kept) return kept.value;
  throw new TableError("configuration", `${kept.problem}${hint}`, true);
}

/** `fail:reason` fails every lookup. */
export function openFail(context: OpenContext): Table {
  const { type, name } = context;
  return {
    type,
    name,
    matchesPatterns: false,
    lookup() {
      throw new TableError("temporary", `table ${type}:${name}: query error: Application error`);
    },
    remove() {
      throw new TableError("temporary", `table ${type}:${name}: delete error: Application error`);
    },
    close() {},
  };
}

/** `environ:` looks up variables of the process environment. */
export function openEnviron(context: OpenContext): Table {
  const { type, name } = context;
  return {
    type,
    name,
    matchesPatterns: false,
    lookup: (key) => (/[=\0]/.test(key) || key === "") ? undefined : Deno.env.get(key),
    entries: () => Object.entries(Deno.env.toObject()),
    close() {},
  };
}

/** `inline:{ key=value, { key = text with spaces } }`; of a repeated key the last value counts. */
export function openInline(context: OpenContext): Table {
  const { type, name } = context;
  const hint = `: "${type}:${name}"; need "${type}:{name=${
    context.flags.fileContents ? "filename" : "value"
  }...}"`;
  const bad = (problem: string) => new TableError("configuration", `${problem}${hint}`);
  const entries = new Map<string, string>();
  const items = splitList(insideBraces(name, () => bad("bad syntax")));
  if (items.length === 0) throw bad(name === "{}" ? "bad syntax" : "empty table");
  for (const item of items) {
    const { key, value } = keyAndValue(item, bad);
    entries.set(context.foldKey(key), requireValue(value, context, hint));
  }
  return {
    type,
    name,
    matchesPatterns: false,
    lookup: (key) => entries.get(key),
    entries: () => entries,
    close() {},
  };
}

/** Takes `key=value` or `{ key = value }` apart. A key with blanks or `=` stands in quotes, which belong to it. */
function keyAndValue(item: string, bad: (problem: string) => TableError): { key: string; value: string } {
  const text = item.startsWith("{") ? insideBraces(item, bad) : item;
  if (text === "") throw bad("no key found; expected format: key = value");
  const keyEnd = endOfKey(text);
  if (keyEnd < 0) throw bad("unbalanced '\"'");
  const rest = trimBoth(text.slice(keyEnd));
  if (!rest.startsWith("=")) throw bad("missing '=' after attribute name");
  return { key: text.slice(0, keyEnd), value: trimBoth(rest.slice(1)) };
}

/** Where the first `=` or blank outside quotes is; -1 if a quote is not closed. */
function endOfKey(text: string): number {
  let quoted = false;
  let at = 0;
  for (; at < text.length; at++) {
    const character = text[at]!;
    if (character === "\\") at += 1;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && /[= \t\r\n\f\v]/.test(character)) break;
  }
  return quoted ? -1 : Math.min(at, text.length);
}

/** `randmap:{ one, two, ... }` answers every key with one of the values, chosen at random. */
export function openRandmap(context: OpenContext): Table {
  const { type, name } = context;
  const refuse = () =>
    new TableError("configuration", `bad syntax: "${type}:${name}"; need "${type}:{value...}"`);
  const values = bracedItems(name, refuse).map((value) => requireValue(value, context));
  return {
    type,
    name,
    matchesPatterns: false,
    lookup: () => values[Math.floor(Math.random() * values.length)],
    close() {},
  };
}
