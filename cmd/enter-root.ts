import { messageOf } from "../core/errors/mod.ts";
import { becomeProgram, enterRoot } from "../core/system/mod.ts";
import { NOT_ENTERED } from "../daemon/command/mod.ts";

export const help = `Usage: enter-root ROOT UID GID DIRECTORY COMMAND [ARGUMENT ...]

Changes the root directory, gives root's rights up, changes to DIRECTORY inside and becomes COMMAND.`;

/** Returns only when the command could not be run. */
export function run(args: string[]): Promise<number> {
  const [root = "", uid = "", gid = "", directory = "", ...words] = args;
  const valid = /^\d{1,10}$/;
  if (
    root === "" || !valid.test(uid) || !valid.test(gid) || uid === "0" || gid === "0" || words.length === 0
  ) {
    console.error(help);
    return Promise.resolve(64);
  }
  try {
    enterRoot(root, { uid: Number(uid), gid: Number(gid), groups: [Number(gid)] }, directory);
    becomeProgram(words);
  } catch (error) {
    const text = messageOf(error);
    console.error(text.startsWith("execvp") ? `pipe_command: ${text}` : text);
  }
  return Promise.resolve(NOT_ENTERED);
}
