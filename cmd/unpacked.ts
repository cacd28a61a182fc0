/**
 * Run by the launcher of the packed program after it unpacked the archive: puts the new directory in its final place.
 * Arguments: the new directory, the final one.
 */
import { settleUnpacked } from "../daemon/install/unpacked.ts";

const [from = "", to = ""] = Deno.args;
try {
  await settleUnpacked(from, to);
} catch (error) {
  console.error(`postel: cannot put the unpacked program into ${to}: ${(error as Error).message}`);
  Deno.exit(75);
}
