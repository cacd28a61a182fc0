import { closeSync, fsyncSync, ftruncateSync, openSync } from "node:fs";
import { flock } from "../system/mod.ts";

/**
 * Writes a file over itself under an exclusive lock, for a caller who may write the file but not its directory. Readers
 * that lock wait; a crash in the middle leaves a damaged file. False if the file can't be opened for writing.
 * @param prepare makes what is to be written, under the lock; undefined if there is nothing to change after all
 */
export function rewriteInPlace<T>(
  path: string,
  prepare: () => T | undefined,
  write: (fd: number, content: T) => void,
): boolean {
  let fd: number;
  try {
    fd = openSync(path, "r+");
  } catch {
    return false;
  }
  try {
    flock(fd, "exclusive");
    const content = prepare();
    if (content === undefined) return true;
    ftruncateSync(fd, 0);
    write(fd, content);
    fsyncSync(fd);
    return true;
  } finally {
    closeSync(fd);
  }
}
