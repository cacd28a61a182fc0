import type { OpenContext, TableLog } from "./context.ts";
import { lazyTable } from "./lazy_table.ts";
import { loadedTypes } from "./registry.ts";
import { TableSet } from "./table_set.ts";
import { type Table, TableError } from "./types.ts";

/** Types with parameters that `openConfigured` knows. */
export type ConfiguredType = "mysql" | "pgsql" | "sqlite";

/**
 * Opens a database table whose parameters are given here instead of in a file. Keys are taken as they are, without
 * folding their case.
 * @param source where the parameters come from, for messages
 * @throws `TableError` for parameters that can't be right
 */
export function openConfigured(
  type: ConfiguredType,
  source: string,
  settings: ReadonlyMap<string, string>,
  log: TableLog,
): Table {
  const tables = new TableSet(undefined, { log });
  const context: OpenContext = {
    type,
    name: source,
    flags: { foldCase: false, utf8: true, refuseSubstitution: false, fileContents: false },
    config: undefined,
    settings,
    log,
    cacheBytes: 0,
    terminator: undefined,
    foldKey: (key) => key,
    tables,
    open: (spec) => tables.open(spec),
  };
  const load = loadedTypes.get(type);
  if (load === undefined) throw new TableError("configuration", `${source}: no table type ${type}`, true);
  return lazyTable(context, load, false);
}
