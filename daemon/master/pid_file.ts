import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { flockTry } from "../../core/system/mod.ts";

/** Another master holds the lock. */
export class AlreadyRunning extends Error {
  override readonly name = "AlreadyRunning";
  constructor(readonly path: string, readonly pid: number | undefined) {
    super(
      `open lock file ${path}: the mail system is already running` +
        (pid === undefined ? "" : ` with process id ${pid}`),
    );
  }
}

/** A lock file held for the life of the process. */
export interface HeldLock {
  release(): void;
}

/**
 * Takes the master's lock: the process id right-justified in 32 columns, locked exclusively for life, as postfix(1)
 * and master(8) have it. Throws `AlreadyRunning` if another process holds it.
 */
export function holdPidFile(path: string): HeldLock {
  const fd = openSync(path, "a+", 0o600);
  try {
    if (!flockTry(fd, "exclusive")) throw new AlreadyRunning(path, readPid(path));
    ftruncateSync(fd, 0);
    writeSync(fd, `${String(Deno.pid).padStart(32)}\n`);
    fsyncSync(fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return { release: () => closeSync(fd) };
}

function readPid(path: string): number | undefined {
  const pid = parseInt(readFileSync(path, "utf8").trim(), 10);
  return Number.isInteger(pid) && pid > 1 ? pid : undefined;
}

/** The process id of the master that holds the lock, or undefined when none runs. */
export function runningMaster(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r+");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || (error as { code?: string }).code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
  try {
    return flockTry(fd, "exclusive") ? undefined : readPid(path);
  } finally {
    closeSync(fd);
  }
}
