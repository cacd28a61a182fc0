import process from "node:process";
import { dropPrivileges, lookupUser } from "../core/system/mod.ts";
import { FatalError, type Tool } from "./queue_tool.ts";

/**
 * The queue belongs to the mail system's user; only root, who becomes that user here, or that user may change it. Throws
 * `FatalError` for others.
 */
export function becomeMailOwner(tool: Tool): void {
  const name = tool.config.string("mail_owner");
  const uid = process.geteuid?.() ?? 0;
  if (uid === 0) {
    const owner = lookupUser(name);
    if (owner === undefined) throw new FatalError(`mail_owner: user "${name}" is unknown`);
    tool.openLog();
    // What is made on the way, a hash directory, must belong to the mail system.
    dropPrivileges({ uid: owner.uid, gid: owner.gid, groups: [] });
    return;
  }
  const queueOwner = Deno.statSync(tool.config.string("queue_directory")).uid;
  if (uid !== queueOwner) throw new FatalError("use of this command is reserved for the superuser");
}
