/**
 * Writes a file over itself under an exclusive lock, for a caller who may write the file but not its directory. Readers
 * that lock wait; a crash in the middle leaves a damaged file. False if the file can't be opened for writing.
 * @param prepare makes what is to be written, under the lock; undefined if there is nothing to change after all
 */
export function rewriteInPlace<T>(
  path: string,
  prepare: () => T | undefined,
  write: (file: Deno.FsFile, content: T) => void,
): boolean {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true, write: true });
  } catch {
    return false;
  }
  try {
    file.lockSync(true);
    const content = prepare();
    if (content === undefined) return true;
    file.truncateSync(0);
    write(file, content);
    file.syncSync();
    return true;
  } finally {
    file.close();
  }
}
