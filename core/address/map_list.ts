import type { TableFlags } from "../table/types.ts";
import type { AddressDeps } from "./types.ts";
import { type Steps, wait } from "./steps.ts";

/** The tables of one parameter, searched in order. */
export interface MapList {
  /** The parameter, for messages. */
  readonly title: string;
  readonly isEmpty: boolean;
  /** The first value found. `fixedOnly` skips tables of patterns, which get whole addresses only. */
  find(key: string, fixedOnly?: boolean): Steps<string | undefined>;
}

/** Opens the tables that `parameter` lists. Throws `TableError` `configuration` if one can't be opened. */
export function openMapList(deps: AddressDeps, parameter: string, flags: TableFlags = {}): MapList {
  const tables = deps.tables.list(deps.config.string(parameter), flags, parameter);
  return {
    title: parameter,
    isEmpty: tables.isEmpty,
    *find(key, fixedOnly = false) {
      return yield* wait(tables.lookup(key, fixedOnly));
    },
  };
}
