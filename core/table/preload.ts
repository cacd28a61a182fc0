import { type Config, ConfigError } from "../config/types.ts";
import type { Opener } from "./context.ts";
import { loadedTypes } from "./registry.ts";

/** What was loaded so far: modules, which can't be unloaded either. */
const openers = new Map<string, Opener>();

/** What opens tables of the type, if its module was loaded by `preloadTableTypes`. */
export function loadedOpener(type: string): Opener | undefined {
  return openers.get(type);
}

/**
 * Loads the modules of table types now, for a process that can't read its program files later. Tables opened afterwards
 * read their settings when they are opened instead of at the first lookup. Types that need no loading are passed over.
 */
export async function preloadTableTypes(types: Iterable<string>): Promise<void> {
  await Promise.all([...types].map(async (type) => {
    const opener = await loadedTypes.get(type)?.();
    if (opener !== undefined) openers.set(type, opener);
  }));
}

/**
 * The types with modules of their own that a configuration names: in the values of main.cf, in `more` (overrides of
 * master.cf), and in the files that those tables are configured with.
 */
export function tableTypesIn(config: Config, more: Iterable<string> = []): string[] {
  const found = new Set<string>();
  const seen = new Set<string>();
  const texts = [...config.names().map((name) => valueOf(config, name)), ...more];
  const pattern = new RegExp(`(?<![\\w-])(${[...loadedTypes.keys()].join("|")}):([^\\s,{}]*)`, "g");
  for (let text = texts.pop(); text !== undefined; text = texts.pop()) {
    for (const [, type, name] of text.matchAll(pattern)) {
      found.add(type!);
      if (!/^[/.]/.test(name!) || seen.has(name!)) continue;
      seen.add(name!);
      texts.push(settingsText(name!));
    }
  }
  return [...found].sort();
}

function valueOf(config: Config, name: string): string {
  try {
    return config.string(name);
  } catch (error) {
    // A value that can't be expanded is complained about where it is used.
    if (error instanceof ConfigError) return config.raw(name) ?? "";
    throw error;
  }
}

/** The text of a table's settings; nothing where it can't be read, which lookups will complain about. */
function settingsText(path: string): string {
  try {
    return Deno.statSync(path).isFile ? Deno.readTextFileSync(path) : "";
  } catch {
    return "";
  }
}
