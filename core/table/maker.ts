/**
 * The second door of this room: making, changing and inspecting tables, for commands only. Daemons that look things up
 * never load it.
 */
export { aliasDefaults, rebuildAliasTables } from "./aliases.ts";
export { makeTable } from "./make.ts";
export { removeFrom, removeKeys } from "./remove_keys.ts";
export { inspectTable } from "./inspect.ts";
export type { Inspection } from "./inspection.ts";
export { MakeError, type MakeOptions } from "./make_options.ts";
