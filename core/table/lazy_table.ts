import type { OpenContext } from "./context.ts";
import type { Opener } from "./registry.ts";
import type { Table } from "./types.ts";

/** A table whose module is loaded at the first lookup. */
export function lazyTable(context: OpenContext, load: () => Promise<Opener>): Table {
  let table: Table | undefined;
  let loading: Promise<Table> | undefined;
  const ready = () => loading ??= load().then((open) => table = open(context));
  return {
    type: context.type,
    name: context.name,
    matchesPatterns: false,
    lookup: (key) => table !== undefined ? table.lookup(key) : ready().then((opened) => opened.lookup(key)),
    async *entries() {
      const opened = await ready();
      if (opened.entries !== undefined) yield* opened.entries();
    },
    close: () => table?.close(),
  };
}
