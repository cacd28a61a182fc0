/**
 * Changes to the files of an open directory, by bare name and as single system calls: whoever changes a hundred thousand
 * files pays for the way down each path otherwise.
 */
import { cPath } from "./c_path.ts";
import { Errno, errno, libc, systemError } from "./libc.ts";

const RENAMEAT2 = Deno.build.arch === "aarch64" ? 276n : 316n;
const RENAME_NOREPLACE = 1;
const F_OK = 0;
/** The file system, or the system, does not know how to rename without overwriting. */
const CANNOT: readonly number[] = [22, 38, 95];

/** How a rename ended: something has the new name already, or there is nothing of the old one. */
export type MoveResult = "moved" | "exists" | "missing";

/**
 * Moves a file from one open directory (its descriptor) to another one. Nothing is overwritten: the system checks that
 * while it renames, except on file systems that can't, where it is asked right before. Throws `Error` for every
 * reason but the two of `MoveResult`; `missing` may mean the target directory, too.
 */
export function moveBetween(from: number, name: string, to: number, newName: string): MoveResult {
  const source = cPath(name);
  const target = name === newName ? source : cPath(newName);
  if (rename(from, source, to, target, RENAME_NOREPLACE)) return "moved";
  let code = errno();
  if (CANNOT.includes(code)) {
    if (libc().faccessat(to, target, F_OK, 0) === 0) return "exists";
    if (rename(from, source, to, target, 0)) return "moved";
    code = errno();
  }
  if (code === Errno.EEXIST) return "exists";
  if (code === Errno.ENOENT) return "missing";
  throw systemError("rename", code);
}

/** renameat2(2); older C libraries have no function for it. */
function rename(
  from: number,
  source: Uint8Array<ArrayBuffer>,
  to: number,
  target: Uint8Array<ArrayBuffer>,
  flags: number,
): boolean {
  const { renameat2, renameat2Call } = libc();
  if (renameat2 !== null) return renameat2(from, source, to, target, flags) === 0;
  return renameat2Call(RENAMEAT2, BigInt(from), source, BigInt(to), target, BigInt(flags)) === 0n;
}

/** Removes a file; false if there is none. */
export function removeFrom(directory: number, name: string): boolean {
  if (libc().unlinkat(directory, cPath(name), 0) === 0) return true;
  const code = errno();
  if (code === Errno.ENOENT) return false;
  throw systemError("unlink", code);
}

/** Sets permission bits; false if there is no such file. */
export function changeModeIn(directory: number, name: string, mode: number): boolean {
  if (libc().fchmodat(directory, cPath(name), mode, 0) === 0) return true;
  const code = errno();
  if (code === Errno.ENOENT) return false;
  throw systemError("chmod", code);
}
