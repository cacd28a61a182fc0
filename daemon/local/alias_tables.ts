import { runSteps, wait } from "../../core/address/mod.ts";
import type { Config } from "../../core/config/types.ts";
import type { Logger } from "../../core/log/mod.ts";
import { type Table, TableError, type TableSet } from "../../core/table/mod.ts";

/** Who a table belongs to: `trusted` is root, or the configuration itself. */
export type TableOwner = "trusted" | "unknown" | number;

export interface FoundAlias {
  readonly table: Table;
  readonly value: string;
}

export interface AliasTables {
  /** Throws (or rejects with) `TableError`, after saying in the log which table can't answer. */
  find(name: string): Promise<FoundAlias | undefined>;
  ownerOf(table: Table): TableOwner;
}

/** Types whose entries stand in main.cf or nowhere. */
const IN_CONFIGURATION = new Set(["inline", "static", "fail", "environ", "randmap", "internal"]);
/** What comes behind the name of an indexed table's file. */
const SUFFIX: Readonly<Record<string, string>> = {
  hash: ".db",
  btree: ".db",
  lmdb: ".lmdb",
  cdb: ".cdb",
  dbm: ".pag",
  sdbm: ".pag",
};

function fileOwner(path: string): TableOwner {
  try {
    const { uid } = Deno.statSync(path);
    return uid === null ? "unknown" : uid === 0 ? "trusted" : uid;
  } catch {
    return "unknown";
  }
}

/** Opens `alias_maps`. `$1` in results and `proxy:` are dealt with as in `openOwnMaps`. Throws `TableError`. */
export function openAliasTables(deps: { config: Config; tables: TableSet; log: Logger }): AliasTables {
  const value = deps.config.string("alias_maps").replaceAll(/\bproxy:/g, "");
  const { tables } = deps.tables.list(value, { refuseSubstitution: true }, "alias_maps");

  return {
    async find(name) {
      for (const table of tables) {
        try {
          const value = await runSteps(function* () {
            return yield* wait(table.lookup(name));
          }());
          if (value !== undefined) return { table, value };
        } catch (error) {
          if (!(error instanceof TableError)) throw error;
          const label = `${table.type}:${table.name}`;
          if (error.unavailable) deps.log.warning(`${label} is unavailable. ${error.message}`);
          deps.log.warning(`${label}: lookup of '${name}' failed`);
          throw error;
        }
      }
      return undefined;
    },
    ownerOf(table) {
      if (IN_CONFIGURATION.has(table.type)) return "trusted";
      if (table.name.startsWith("/")) return fileOwner(table.name + (SUFFIX[table.type] ?? ""));
      // Parameters of a network table in main.cf, members of a combined table: the administrator's.
      return "trusted";
    },
  };
}
