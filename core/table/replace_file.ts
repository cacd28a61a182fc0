import { messageOf } from "../errors/mod.ts";

/** How the new file is made. */
export interface ReplaceOptions {
  /** Mode of the new file. */
  readonly mode: number;
  /** Owner of the new file; left alone if absent. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** Could not make or write the file that is to replace another. */
export class ReplaceError extends Error {
  override readonly name = "ReplaceError";
  constructor(readonly path: string, override readonly cause: unknown) {
    super(`${path}: ${messageOf(cause)}`);
  }
}

/**
 * Writes a file beside `path` under an exclusive lock, syncs it and renames it over `path`: readers see the old content or
 * the new one. When anything fails the old file stays as it is. A second writer waits for the first.
 * @param prepare makes what is to be written, under the lock; undefined if there is nothing to change after all
 * @param confirm asked when the new file is complete; false if what `prepare` began with is no longer true: once more then
 * @throws ReplaceError for a file that can't be made or given its owner; what `prepare` and `write` throw
 */
export function replaceFile<T>(
  path: string,
  options: ReplaceOptions,
  prepare: () => T | undefined,
  write: (file: Deno.FsFile, content: T) => void,
  confirm: () => boolean = () => true,
): void {
  const beside = `${path}.tmp`;
  const file = openLocked(beside);
  try {
    do {
      const content = prepare();
      if (content === undefined) {
        removeQuietly(beside);
        return;
      }
      file.truncateSync(0);
      write(file, content);
      if (options.owner !== undefined) giveTo(beside, file, options.owner);
      Deno.chmodSync(beside, options.mode);
      file.syncSync();
    } while (!confirm());
    Deno.renameSync(beside, path);
  } catch (error) {
    removeQuietly(beside);
    throw error;
  } finally {
    file.close();
  }
}

function giveTo(
  path: string,
  file: Deno.FsFile,
  owner: { readonly uid: number; readonly gid: number },
): void {
  const now = file.statSync();
  if (now.uid === owner.uid && now.gid === owner.gid) return;
  try {
    Deno.chownSync(path, owner.uid, owner.gid);
  } catch (error) {
    throw new ReplaceError(path, error);
  }
}

/** Opens the file and locks it; if it was renamed away meanwhile, the writer before us has finished: start over. */
function openLocked(path: string): Deno.FsFile {
  for (;;) {
    const file = openOrCreate(path);
    file.lockSync(true);
    if (isStill(path, file)) return file;
    file.close();
    if (isLink(path)) {
      throw new ReplaceError(path, new Error("is a symbolic link, which is not followed here"));
    }
  }
}

/** Never makes a file through a symbolic link that somebody put there. */
function openOrCreate(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { read: true, write: true, createNew: true, mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw new ReplaceError(path, error);
  }
  try {
    return Deno.openSync(path, { read: true, write: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && !isLink(path)) return openOrCreate(path);
    throw new ReplaceError(path, error);
  }
}

/** Is the open file the one under this very name? */
function isStill(path: string, file: Deno.FsFile): boolean {
  try {
    const opened = file.statSync();
    const named = Deno.lstatSync(path);
    return named.ino === opened.ino && named.dev === opened.dev;
  } catch {
    return false;
  }
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}

/** The file beside is ours and half-written; that it can't be removed changes nothing about the error being reported. */
function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // See above.
  }
}
