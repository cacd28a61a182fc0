import type { OpenContext } from "./context.ts";
import { printable } from "../bytes/mod.ts";
import { TableError } from "./types.ts";

/**
 * The error for a lookup that failed; what went wrong goes into the log here, because it is of no use to who asks.
 * @param problem in the form of Postfix's warnings, with the name of the table in it
 */
export function queryError(
  context: OpenContext,
  problem: string,
  kind: "temporary" | "configuration" = "temporary",
): TableError {
  context.log.warning(printable(problem));
  return new TableError(kind, `table ${context.type}:${context.name}: query error`);
}
