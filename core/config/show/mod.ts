/** What postconf shows: parameters and master.cf entries, with Postfix's warnings, folding and JSON. */
export { ConfigSession, type ShowOptions } from "./session.ts";
export { MASTER_FIELDS } from "../master_file.ts";
export { type MasterField, parseMasterRow, splitPattern, type Warn } from "./master_table.ts";
