/**
 * Lookup tables: every `type:name` that main.cf can name, behind one interface, and the match lists that parameters
 * such as `mydestination` and `mynetworks` hold.
 *
 * Making and changing tables is behind a door of its own, `loadMaker`, because daemons never need it.
 *
 * A table is opened through a `TableSet`; errors are `TableError`s that say whether asking again later can help.
 */
export type { TableLog } from "./context.ts";
export { loadMaker, rebuildAliases } from "./load_maker.ts";
export { type MatchList, matchList, type MatchListOptions } from "./match_list.ts";
export { type ConfiguredType, openConfigured } from "./configured.ts";
export { preloadTableTypes, tableTypesIn } from "./preload.ts";
export { parseSpec, splitList, type TableSpec } from "./spec.ts";
export { isReadOnly, tableTypes } from "./registry.ts";
export { TableList } from "./table_list.ts";
export { type TableLookup, TableSet, type TableSetOptions } from "./table_set.ts";
export { type MaybePromise, type Table, TableError, type TableFlags } from "./types.ts";
