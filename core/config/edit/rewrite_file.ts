/**
 * Rewriting a configuration file under the lock that Postfix's own tools take: an exclusive flock on `FILE.tmp`, which is
 * written, synced and then renamed over the file. A crash leaves the old file or the new one.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { decodeText, encodeText } from "../../bytes/mod.ts";
import { flock } from "../../system/mod.ts";
import { reasonOf } from "../../errors/mod.ts";
import { ConfigError } from "../types.ts";

/**
 * Replaces a file's text by what `transform` makes of it, keeping mode and owner. Waits while another editor is at work.
 * Throws `ConfigError` if the file can't be read or written; it is then as it was.
 */
export function rewriteFile(path: string, transform: (text: string) => string): void {
  const temporary = `${path}.tmp`;
  const fd = lockTemporary(temporary);
  try {
    let text: string;
    let status: Deno.FileInfo;
    try {
      text = decodeText(Deno.readFileSync(path));
      status = Deno.statSync(path);
    } catch (error) {
      throw new ConfigError(`open ${path} for reading: ${reasonOf(error)}`, { file: path });
    }
    const changed = encodeText(transform(text));
    writeAll(fd, changed, temporary);
    keepOwner(fd, status);
    fchmodSync(fd, (status.mode ?? 0o644) & 0o7777);
    fsyncSync(fd);
    renameSync(temporary, path);
  } catch (error) {
    unlinkSync(temporary);
    throw error instanceof ConfigError
      ? error
      : new ConfigError(`write ${path}: ${reasonOf(error)}`, { file: path });
  } finally {
    closeSync(fd);
  }
  syncDirectory(path);
}

/** Opens and locks the temporary file; one that another editor has renamed or removed meanwhile is not the lock any more. */
function lockTemporary(temporary: string): number {
  for (;;) {
    let fd: number;
    try {
      fd = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    } catch (error) {
      throw new ConfigError(`open ${temporary}: ${reasonOf(error)}`, { file: temporary });
    }
    flock(fd, "exclusive");
    const mine = fstatSync(fd);
    const there = statSync(temporary, { throwIfNoEntry: false });
    if (there !== undefined && there.ino === mine.ino && there.dev === mine.dev) {
      ftruncateSync(fd, 0);
      return fd;
    }
    closeSync(fd);
  }
}

function writeAll(fd: number, bytes: Uint8Array, path: string): void {
  let written = 0;
  while (written < bytes.length) {
    const count = writeSync(fd, bytes, written);
    if (count === 0) throw new ConfigError(`write ${path}: no progress`, { file: path });
    written += count;
  }
}

/** The new file belongs to whom the old one belonged to, as far as the caller may say so. */
function keepOwner(fd: number, status: Deno.FileInfo): void {
  const mine = fstatSync(fd);
  if (status.uid === null || status.gid === null || (mine.uid === status.uid && mine.gid === status.gid)) {
    return;
  }
  try {
    fchownSync(fd, status.uid, status.gid);
  } catch (error) {
    // Not root: the file becomes the editor's, as with Postfix's own tools.
    if ((error as { code?: string }).code !== "EPERM") throw error;
  }
}

/** Makes the rename survive a power failure. */
function syncDirectory(path: string): void {
  const slash = path.lastIndexOf("/");
  const fd = openSync(slash < 0 ? "." : path.slice(0, slash) || "/", constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
