/** What postconf shows: parameters and master.cf entries, with Postfix's warnings, folding and JSON. */
export { ConfigSession, type ShowOptions } from "./session.ts";
export { MASTER_FIELDS, type MasterField, parseMasterRow, type Warn } from "./master_table.ts";
