import type { Config } from "../config/types.ts";
import type { TableLog } from "./context.ts";

/** What makes, changes and lists tables (see `maker.ts`), loaded when a command needs it. */
export function loadMaker(): Promise<typeof import("./maker.ts")> {
  return import("./maker.ts");
}

/**
 * Rebuilds the tables that `alias_database` names, as newaliases(1) and `sendmail -bi` do. Warnings about the source go to
 * the log; rejects with a `MakeError` for the first table that can't be made.
 * @param database replaces the value of `alias_database` (`-oA`)
 */
export async function rebuildAliases(config: Config, log: TableLog, database?: string): Promise<void> {
  (await loadMaker()).rebuildAliasTables(config, log, database);
}
