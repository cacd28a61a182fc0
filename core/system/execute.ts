import { reasonOf } from "../errors/mod.ts";
import { changeRoot, dropPrivileges, type Identity } from "./privileges.ts";
import { cString, libc, systemError } from "./libc.ts";

const SIGPIPE = 13;

/**
 * Becomes another program, found by `PATH`, with this process's environment and standard files. Returns only by throwing:
 * `execvp NAME: No such file or directory`.
 */
export function becomeProgram(words: readonly string[]): never {
  const texts = words.map(cString);
  const pointers = new BigUint64Array(texts.length + 1);
  texts.forEach((text, index) => pointers[index] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(text)));
  // The runtime ignores broken pipes; a program expects to end with them.
  libc().signal(SIGPIPE, null);
  libc().execvp(texts[0]!, pointers);
  throw systemError(`execvp ${words[0]}`);
}

/** Changes the root directory, gives root up for good, and changes to `directory` with what rights are left. */
export function enterRoot(root: string, identity: Identity, directory: string): void {
  changeRoot(root);
  dropPrivileges(identity);
  try {
    Deno.chdir(directory);
  } catch (error) {
    const who = `uid=${identity.uid} gid=${identity.gid}`;
    throw new Error(`cannot change directory to "${directory}" for ${who}: ${reasonOf(error)}`);
  }
}
