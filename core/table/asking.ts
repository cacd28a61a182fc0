/**
 * The third door of this room: what postmap(1) and its like need to begin with, and to ask a table in an indexed file.
 * It loads no other table types, because loading is most of what such a command costs.
 */
export { type AnswerForm, BulkLookup } from "./bulk_lookup.ts";
export type { Place } from "./index_reader.ts";
export { type IndexSettings, openIndexed } from "./open_indexed.ts";
export { loadMaker } from "./load_maker.ts";
export { MakeError, type MakeOptions } from "./make_options.ts";
export { typeAndName } from "./operand.ts";
export { fatalQuery, labelOf, TableQuery } from "./query.ts";
export { TableError } from "./types.ts";
