import { resolve } from "node:path";

/** A directory name on the command line that can't be used. */
export class PathError extends Error {
  override readonly name = "PathError";
}

/**
 * A directory from the command line, absolute. It is written into scripts, service files and configuration: names that
 * need quoting in one of them are refused. Throws `PathError`.
 */
export function absolutePath(option: string, given: string): string {
  if (given === "") throw new PathError(`${option}: the directory name is empty`);
  const path = resolve(given);
  if (!/^[\w./+@-]+$/.test(path)) {
    throw new PathError(
      `${option} ${path}: use a directory whose name has only letters, digits and . _ + @ - /`,
    );
  }
  return path;
}
