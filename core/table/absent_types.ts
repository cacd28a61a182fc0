import type { OpenContext } from "./context.ts";
import { type Table, TableError } from "./types.ts";

/** Types that Postfix can have and this program can't, with what to use instead. */
const ABSENT: Readonly<Record<string, string>> = {
  nis: "NIS is not supported; copy the map into a hash or lmdb table, or use ldap",
  nisplus: "NIS+ is not supported; copy the table into a hash or lmdb table, or use ldap",
  netinfo: "NetInfo is not supported; use ldap",
  dbm: "dbm files are not supported; rebuild the table as hash, btree, cdb or lmdb from its source",
  sdbm: "sdbm files are not supported; rebuild the table as hash, btree, cdb or lmdb from its source",
};

/** Names of the types that can't exist here. */
export const absentTypes: readonly string[] = Object.keys(ABSENT);

/** Refuses a table whose type can't exist here, and says what to do. */
export function openAbsent(context: OpenContext): Table {
  throw new TableError(
    "configuration",
    `unsupported dictionary type: ${context.type}: ${ABSENT[context.type]}`,
  );
}
