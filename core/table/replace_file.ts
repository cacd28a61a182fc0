import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  unlinkSync,
} from "node:fs";
import { flock } from "../system/mod.ts";

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
    super(`${path}: ${cause instanceof Error ? cause.message : cause}`);
  }
}

/**
 * Writes a file beside `path` under an exclusive lock, syncs it and renames it over `path`: readers see the old content or
 * the new one. When anything fails the old file stays as it is. A second writer waits for the first.
 * @param prepare makes what is to be written, under the lock; undefined if there is nothing to change after all
 * @throws ReplaceError for a file that can't be made or given its owner; what `prepare` and `write` throw
 */
export function replaceFile<T>(
  path: string,
  options: ReplaceOptions,
  prepare: () => T | undefined,
  write: (fd: number, content: T) => void,
): void {
  const beside = `${path}.tmp`;
  const fd = openLocked(beside);
  try {
    const content = prepare();
    if (content === undefined) {
      removeQuietly(beside);
      return;
    }
    ftruncateSync(fd, 0);
    write(fd, content);
    if (options.owner !== undefined) giveTo(beside, fd, options.owner);
    Deno.chmodSync(beside, options.mode);
    fsyncSync(fd);
    renameSync(beside, path);
  } catch (error) {
    removeQuietly(beside);
    throw error;
  } finally {
    closeSync(fd);
  }
}

function giveTo(path: string, fd: number, owner: { readonly uid: number; readonly gid: number }): void {
  const now = fstatSync(fd);
  if (now.uid === owner.uid && now.gid === owner.gid) return;
  try {
    Deno.chownSync(path, owner.uid, owner.gid);
  } catch (error) {
    throw new ReplaceError(path, error);
  }
}

/** Opens the file and locks it; if it was renamed away meanwhile, the writer before us has finished: start over. */
function openLocked(path: string): number {
  for (;;) {
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    } catch (error) {
      throw new ReplaceError(path, error);
    }
    try {
      flock(fd, "exclusive");
      if (isStill(path, fd)) return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    closeSync(fd);
  }
}

function isStill(path: string, fd: number): boolean {
  try {
    const opened = fstatSync(fd);
    const named = Deno.statSync(path);
    return named.ino === opened.ino && named.dev === opened.dev;
  } catch {
    return false;
  }
}

/** The file beside is ours and half-written; that it can't be removed changes nothing about the error being reported. */
function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // See above.
  }
}
