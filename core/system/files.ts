/**
 * The file operations that every message needs, as single system calls. The runtime's own look a path up once more, check
 * permissions and make an exception of a file that isn't there; with thousands of messages a second that shows. When a
 * call fails in a way that is not expected, the runtime's operation is tried, which tells the reason as callers know it.
 */
import { cPath } from "./c_path.ts";
import { Errno, errno, libc, systemError } from "./libc.ts";

/** Removes a file (not a directory); false if there is none. Throws with the system's words. */
export function unlinkFile(path: string): boolean {
  if (libc().unlink(cPath(path)) === 0) return true;
  const code = errno();
  if (code === Errno.ENOENT) return false;
  throw systemError(`unlink ${path}`, code);
}

/** rename(2). Throws what `Deno.renameSync` throws. */
export function renameFile(from: string, to: string): void {
  if (libc().rename(cPath(from), cPath(to)) !== 0) Deno.renameSync(from, to);
}

/** chmod(2). Throws what `Deno.chmodSync` throws. */
export function changeMode(path: string, mode: number): void {
  if (libc().chmod(cPath(path), mode) !== 0) Deno.chmodSync(path, mode);
}

/** Is there anything at a path? */
export function fileExists(path: string): boolean {
  return libc().access(cPath(path), 0) === 0;
}
