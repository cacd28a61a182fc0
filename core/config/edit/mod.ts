/** Editing main.cf and master.cf in place, under Postfix's lock, with everything else left as it was. */
export { editMain, editMainText, type MainEdits } from "./edit_main.ts";
export { checkNewField, editMaster, editMasterText, type MasterEdit } from "./edit_master.ts";
export { rewriteFile } from "./rewrite_file.ts";
