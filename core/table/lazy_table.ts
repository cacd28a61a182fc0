import type { OpenContext, Opener } from "./context.ts";
import { noListing } from "./guarded_table.ts";
import { loadedOpener } from "./preload.ts";
import { type Table, TableError } from "./types.ts";

/**
 * A table whose module is loaded at the first lookup. Where it was loaded before, the table is opened at once, so that its
 * settings are read with the rights that the process has now. What is wrong with them shows at the lookups, each of which
 * tries to open the table again.
 * @param matchesPatterns must partial keys not be tried on it?
 */
export function lazyTable(
  context: OpenContext,
  load: () => Promise<Opener>,
  matchesPatterns: boolean,
): Table {
  let table = openedNow(context);
  const ready = async () => {
    const open = await load();
    return table ??= open(context);
  };
  return {
    type: context.type,
    name: context.name,
    matchesPatterns,
    lookup: (key) => table !== undefined ? table.lookup(key) : ready().then((opened) => opened.lookup(key)),
    async *entries() {
      const opened = table ?? await ready();
      if (opened.entries === undefined) throw new TableError("configuration", noListing(context));
      yield* opened.entries();
    },
    async remove(key, behind) {
      const opened = table ?? await ready();
      if (opened.remove !== undefined) return await opened.remove(key, behind);
      throw new TableError(
        "configuration",
        `table ${context.type}:${context.name}: delete operation is not supported`,
      );
    },
    close: () => table?.close(),
  };
}

function openedNow(context: OpenContext): Table | undefined {
  try {
    return loadedOpener(context.type)?.(context);
  } catch (error) {
    if (error instanceof TableError) return undefined;
    throw error;
  }
}
