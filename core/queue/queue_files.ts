import { type DirectoryEntry, openDirectory, pathInfo, unlinkFile } from "../system/mod.ts";
import { fileError } from "./file_errors.ts";
import { isQueueId } from "./queue_id.ts";
import { QueueFileError, type QueueFileInfo } from "./types.ts";

/** Removes a file; false if it was not there. */
export function removeIfThere(path: string): boolean {
  try {
    return unlinkFile(path);
  } catch (error) {
    throw fileError(error, `remove ${path}`);
  }
}

/** A directory entry without following symbolic links; undefined if it is not there. */
export function lstat(path: string): QueueFileInfo | undefined {
  const quick = pathInfo(path);
  if (quick !== undefined) return quick === "missing" ? undefined : quick;
  try {
    const info = Deno.lstatSync(path);
    return {
      mode: (info.mode ?? 0) & 0o7777,
      size: info.size,
      mtime: (info.mtime?.getTime() ?? 0) / 1000,
      uid: info.uid ?? 0,
      inode: info.ino ?? 0,
      links: info.nlink ?? 1,
      isFile: info.isFile,
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError(error, `examine ${path}`);
  }
}

/** The entries of a directory; none if it is not there. */
export function readDirectory(directory: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(directory)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw fileError(error, `read directory ${directory}`);
  }
}

/** Why a directory can't be read; undefined if it can be, or is gone. */
export function whyUnreadable(directory: string): string | undefined {
  const handle = openDirectory(directory);
  if (handle !== undefined) {
    handle.close();
    return undefined;
  }
  try {
    readDirectory(directory);
    return undefined;
  } catch (error) {
    if (error instanceof QueueFileError) return error.message;
    throw error;
  }
}

/**
 * The same with inode numbers, and the kind of every entry known. Where the system can't be asked directly, every file is
 * looked at.
 */
export function readDirectoryEntries(directory: string): DirectoryEntry[] {
  return [...directoryEntries(directory)];
}

/** The same one after the other, as the system hands them out. */
function* directoryEntries(directory: string): Generator<DirectoryEntry> {
  const handle = openDirectory(directory);
  if (handle === undefined) {
    for (const entry of readDirectory(directory)) {
      yield { name: entry.name, inode: -1, kind: kindOf(entry) };
    }
    return;
  }
  try {
    for (const entries of handle.batches()) {
      for (const entry of entries) {
        yield entry.kind === "unknown" ? { ...entry, kind: kindAt(directory + entry.name) } : entry;
      }
    }
  } finally {
    handle.close();
  }
}

function kindOf(entry: { readonly isFile: boolean; readonly isDirectory: boolean }): DirectoryEntry["kind"] {
  return entry.isFile ? "file" : entry.isDirectory ? "directory" : "other";
}

/** The kind of a directory entry, looked at. */
export function kindAt(path: string): DirectoryEntry["kind"] {
  try {
    return kindOf(Deno.lstatSync(path));
  } catch (error) {
    // It went away meanwhile: not a file any more.
    if (error instanceof Deno.errors.NotFound) return "other";
    throw fileError(error, `examine ${path}`);
  }
}

/**
 * Names of the files in a queue that can be messages, one directory at a time. Files that come meanwhile may be among
 * them or not; files that go away are no trouble.
 * @param directory with a slash at its end
 * @param descend into the one-character directories, which queues may be spread over
 */
export function* scanFiles(directory: string, descend: boolean): Iterable<string> {
  for (const { name, kind } of directoryEntries(directory)) {
    if (kind === "directory") {
      if (descend && name.length === 1) yield* scanFiles(`${directory}${name}/`, descend);
    } else if (kind === "file" && isQueueId(name)) {
      yield name;
    }
  }
}
