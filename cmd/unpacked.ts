/**
 * Run by the launcher of the packed program after it unpacked the archive: puts the new directory in its final place.
 * Arguments: the new directory, the final one. Run by itself it only loads all commands (`code_cache.ts`).
 */
import { messageOf } from "../core/errors/mod.ts";
import { LOAD_COMMANDS } from "../daemon/install/code_cache.ts";
import { settleUnpacked } from "../daemon/install/unpacked.ts";
import { commands } from "./registry.ts";

const [from = "", to = ""] = Deno.args;
if (from === LOAD_COMMANDS) {
  for (const { load } of commands) await load();
} else {
  await settle();
}

async function settle(): Promise<void> {
  try {
    await settleUnpacked(from, to);
  } catch (error) {
    console.error(`postel: cannot put the unpacked program into ${to}: ${messageOf(error)}`);
    Deno.exit(75);
  }
}
