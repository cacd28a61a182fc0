import process from "node:process";
import { dropPrivileges, lookupUser } from "../core/system/mod.ts";
import { FatalError, type Tool } from "./queue_tool.ts";

/** Does the mail system run in one process, as root? Then what it makes in the queue is root's. */
function isRootsProcess(tool: Tool): boolean {
  const { config } = tool;
  try {
    const directory = `${config.string("queue_directory")}/${config.string("process_id_directory")}`;
    const pid = parseInt(Deno.readTextFileSync(`${directory}/master.pid`).trim(), 10);
    const words = Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
    return words.includes("--single-process") && Deno.statSync(`/proc/${pid}`).uid === 0;
  } catch {
    // None runs, or there is no way to tell.
    return false;
  }
}

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
    if (isRootsProcess(tool)) return;
    // What is made on the way, a hash directory, must belong to the mail system.
    dropPrivileges({ uid: owner.uid, gid: owner.gid, groups: [] });
    return;
  }
  const queueOwner = Deno.statSync(tool.config.string("queue_directory")).uid;
  if (uid !== queueOwner) throw new FatalError("use of this command is reserved for the superuser");
}
