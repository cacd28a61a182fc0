/** Puts a freshly unpacked copy of the program in place. */
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { unlinkFile } from "../../core/system/mod.ts";
import { fillCodeCache } from "./code_cache.ts";
import { inUse } from "./in_use.ts";

/** Writes the files of a directory (not those of directories in it) through to the disk. */
function syncFiles(directory: string): void {
  for (const entry of Deno.readDirSync(directory)) {
    if (!entry.isFile) continue;
    const file = Deno.openSync(`${directory}/${entry.name}`, { read: true });
    try {
      file.syncSync();
    } finally {
      file.close();
    }
  }
}

/**
 * Writes a file anew, in large pieces. The kernel keeps what was written in memory in the pieces in which it came, and those
 * of an unpacked archive are small: from large ones the runtime starts in some 15 instead of 17 ms, until they leave the memory.
 */
function writeInLargePieces(path: string): void {
  const beside = `${path}.new`;
  try {
    Deno.copyFileSync(path, beside);
    Deno.renameSync(beside, path);
  } catch {
    // No room for a second one: the first is as good, and slower.
    unlinkFile(beside);
  }
}

/**
 * Brings the runtime's caches into their final form: every process reads the whole journal of such a database anew, and
 * here nothing will be written any more. The journals themselves stay, empty: without them a user who may not make files
 * in the directory could not read the caches.
 */
function emptyJournals(cache: string): void {
  for (const { name } of Deno.readDirSync(cache)) {
    if (!name.endsWith("-wal")) continue;
    const database = new DatabaseSync(`${cache}/${name.slice(0, -"-wal".length)}`);
    try {
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      database.close();
    }
  }
}

/** Copies that nothing runs from are removed after a week, in milliseconds. */
const STALE = 7 * 24 * 3600 * 1000;

/** Removes old copies, and what an unpacking that was killed left behind. */
function removeStale(base: string): void {
  for (const { name, isDirectory } of Deno.readDirSync(base)) {
    const path = `${base}/${name}`;
    if (!isDirectory || !/^(new\.\w+|\d+\.\d+\.\d+-[0-9a-f]{16})$/.test(name)) continue;
    const modified = Deno.statSync(path).mtime?.getTime() ?? Date.now();
    if (Date.now() - modified > STALE && !inUse(`${path}/postel`)) Deno.removeSync(path, { recursive: true });
  }
}

/**
 * Makes the unpacked directory `from` durable and renames it to `to`. Where another process was faster, its copy is
 * kept: it has the same content, the version in the name is a digest of it. Throws if neither works.
 */
export async function settleUnpacked(from: string, to: string): Promise<void> {
  writeInLargePieces(`${from}/postel`);
  syncFiles(from);
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    try {
      Deno.statSync(`${to}/postel`);
    } catch {
      throw error;
    }
    Deno.removeSync(from, { recursive: true });
    return;
  }
  await fillCodeCache(to);
  emptyJournals(`${to}/cache`);
  removeStale(dirname(to));
}
