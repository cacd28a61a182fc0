import type { TableSettings } from "./table_settings.ts";

/** The query that the parameters of Postfix before 2.2 stand for. Throws `TableError` when one is missing. */
export function legacySelect(settings: TableSettings): string {
  const table = settings.required("table");
  const field = settings.required("select_field");
  const where = settings.required("where_field");
  const more = settings.string("additional_conditions", "");
  return `SELECT ${field} FROM ${table} WHERE ${where} = '%s' ${more}`;
}
