import type { MapFile } from "./block_file.ts";
import type { IndexContext, ResolvedFlags, TableLog } from "./context.ts";
import { GuardedTable } from "./guarded_table.ts";
import { indexFormats } from "./index_formats.ts";
import { IndexedTable } from "./indexed_table.ts";

/** How an indexed file is asked outside a `TableSet`. */
export interface IndexSettings {
  readonly flags: ResolvedFlags;
  readonly log: TableLog;
  /** Are keys stored with a NUL at the end? Tried out by default. */
  readonly terminator: "with" | "without" | undefined;
  /** Most bytes of the file kept in memory, if it is not mapped. */
  readonly cacheBytes: number;
  /** Maps the file instead of reading it page by page. */
  readonly map?: MapFile;
}

/**
 * A table of an indexed type: `table` for single keys, with all checks, and `file` for many. Undefined for other types. The
 * file is opened at the first lookup.
 */
export function openIndexed(
  type: string,
  name: string,
  settings: IndexSettings,
): { readonly table: GuardedTable; readonly file: IndexedTable } | undefined {
  const format = indexFormats.get(type);
  if (format === undefined) return undefined;
  const { flags, log, terminator, cacheBytes, map } = settings;
  const context: IndexContext = {
    type,
    name,
    log,
    terminator,
    cacheBytes,
    ...(map === undefined ? {} : { map }),
  };
  const file = new IndexedTable(context, format);
  return { table: new GuardedTable(file, { flags, log }, false), file };
}
