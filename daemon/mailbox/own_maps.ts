import { type MapList, wait } from "../../core/address/mod.ts";
import type { Config } from "../../core/config/types.ts";
import type { TableSet } from "../../core/table/mod.ts";

/**
 * Opens the tables of a parameter for an agent that acts with users' rights: `$1` and the like in the results of
 * patterns are refused, because the sender of a message decides what they become; `proxy:` in front of a table is
 * ignored, the process reads what root may read anyway.
 */
export function openOwnMaps(deps: { config: Config; tables: TableSet }, parameter: string): MapList {
  const value = deps.config.string(parameter).replaceAll(/\bproxy:/g, "");
  const tables = deps.tables.list(value, { refuseSubstitution: true }, parameter);
  return {
    title: parameter,
    isEmpty: tables.isEmpty,
    *find(key, fixedOnly = false) {
      return yield* wait(tables.lookup(key, fixedOnly));
    },
  };
}
