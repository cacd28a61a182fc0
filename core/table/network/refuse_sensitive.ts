import type { OpenContext } from "../context.ts";
import { TableError } from "../types.ts";

/**
 * Throws where the table's answers would say what is run or written as whom: types whose server nobody authenticates must
 * not.
 */
export function refuseSensitive(context: OpenContext): void {
  if (!context.flags.refuseSubstitution) return;
  throw new TableError(
    "configuration",
    `${context.type}:${context.name} map is not allowed for security sensitive data`,
    true,
  );
}
