import type { OpenContext } from "./context.ts";
import { keptValue } from "./file_contents.ts";
import { bracedItems, insideBraces } from "./spec.ts";
import { type Table, TableError } from "./types.ts";

/** `static:value` answers every key with the value; `static:{ value with spaces }` too. */
export function openStatic(context: OpenContext): Table {
  const { type, name } = context;
  const given = name.startsWith("{") ? insideBraces(name, `bad ${type}:name syntax`) : name;
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
  for (const item of bracedItems(name) ?? []) {
    const text = item.startsWith("{") ? insideBraces(item, "bad syntax") : item;
    const equals = text.indexOf("=");
    if (equals < 0) throw bad("missing '=' after attribute name");
    entries.set(
      context.foldKey(text.slice(0, equals).trim()),
      requireValue(text.slice(equals + 1).trim(), context, hint),
    );
  }
  if (entries.size === 0) throw bad("bad syntax");
  return {
    type,
    name,
    matchesPatterns: false,
    lookup: (key) => entries.get(key),
    entries: () => entries,
    close() {},
  };
}

/** `randmap:{ one, two, ... }` answers every key with one of the values, chosen at random. */
export function openRandmap(context: OpenContext): Table {
  const { type, name } = context;
  const values = (bracedItems(name) ?? []).map((value) => requireValue(value, context));
  if (values.length === 0) {
    throw new TableError("configuration", `bad syntax: "${type}:${name}"; need "${type}:{value...}"`);
  }
  return {
    type,
    name,
    matchesPatterns: false,
    lookup: () => values[Math.floor(Math.random() * values.length)],
    close() {},
  };
}
