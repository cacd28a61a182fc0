import type { OpenContext, Opener } from "./context.ts";
import { loadedOpener } from "./preload.ts";
import { type Table, TableError } from "./types.ts";

/**
 * A table whose module is loaded at the first lookup. Where it was loaded before, the table is opened at once, so that its
 * settings are read with the rights that the process has now; what is wrong with them shows at the lookups.
 * @param matchesPatterns must partial keys not be tried on it?
 */
export function lazyTable(
  context: OpenContext,
  load: () => Promise<Opener>,
  matchesPatterns: boolean,
): Table {
  let table: Table | undefined;
  let problem: unknown;
  let loading: Promise<Table> | undefined;
  const opener = loadedOpener(context.type);
  if (opener !== undefined) {
    try {
      table = opener(context);
    } catch (error) {
      if (!(error instanceof TableError)) throw error;
      problem = error;
    }
  }
  const ready = () => {
    if (problem !== undefined) return Promise.reject(problem);
    return loading ??= load().then((open) => table = open(context));
  };
  return {
    type: context.type,
    name: context.name,
    matchesPatterns,
    lookup: (key) => table !== undefined ? table.lookup(key) : ready().then((opened) => opened.lookup(key)),
    async *entries() {
      const opened = table ?? await ready();
      if (opened.entries !== undefined) yield* opened.entries();
    },
    close: () => table?.close(),
  };
}
