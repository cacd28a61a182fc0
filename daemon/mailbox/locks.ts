import { closeSync, openSync, statSync, unlinkSync, writeSync } from "node:fs";
import { asUser, fileLock, flockTry, type Identity } from "../../core/system/mod.ts";
import { errorName, failed, MailboxError, systemReason } from "./errors.ts";
import type { MailboxSettings } from "./settings.ts";

const pause = (seconds: number) => new Promise((done) => setTimeout(done, seconds * 1000));

/** Tries until it succeeds or the attempts are used up. */
async function retried(settings: MailboxSettings, attempt: () => boolean): Promise<boolean> {
  for (let tries = 0; tries < settings.lockAttempts; tries++) {
    if (tries > 0) await pause(settings.lockDelay);
    if (attempt()) return true;
  }
  return false;
}

/** Makes the lock file exclusively; removes one that is stale. False if somebody else has it. */
function tryLockFile(path: string, staleLockTime: number): boolean {
  try {
    const fd = openSync(path, "wx", 0);
    try {
      writeSync(fd, String(Deno.pid));
    } finally {
      closeSync(fd);
    }
    return true;
  } catch (error) {
    if (errorName(error) !== "EEXIST") throw error;
  }
  try {
    if (Date.now() / 1000 - statSync(path).ctimeMs / 1000 > staleLockTime) unlinkSync(path);
  } catch {
    // Somebody else removed it first, or we may not: the next attempt tells.
  }
  return false;
}

export interface DotLock {
  release(): void;
}

/**
 * Takes the lock file `PATH.lock` with a user's rights. Throws `MailboxError`: `4.2.0` if somebody else keeps it,
 * `standard` if it can't be made. With `optional`, one that can't be made is only warned of and undefined returned.
 */
export async function takeDotLock(
  path: string,
  identity: Identity,
  settings: MailboxSettings,
  standard: string,
  optional: ((text: string) => void) | undefined,
): Promise<DotLock | undefined> {
  const lockPath = `${path}.lock`;
  const what = `unable to create lock file ${lockPath}`;
  try {
    if (
      !await retried(settings, () => asUser(identity, () => tryLockFile(lockPath, settings.staleLockTime)))
    ) {
      throw new MailboxError("4.2.0", `${what}: File exists`);
    }
  } catch (error) {
    if (error instanceof MailboxError) throw error;
    if (optional === undefined) throw failed(what, error, standard);
    optional(`${what}: ${systemReason(error)}`);
    return undefined;
  }
  return {
    release() {
      try {
        asUser(identity, () => unlinkSync(lockPath));
      } catch {
        // Taken away as stale by another program.
      }
    },
  };
}

/** Takes the kernel's locks on an open file; they go with the descriptor. Throws `MailboxError` `4.2.0`. */
export async function takeFileLocks(fd: number, settings: MailboxSettings): Promise<void> {
  const busy = () =>
    new MailboxError("4.2.0", "unable to lock for exclusive access: Resource temporarily unavailable");
  if (settings.locks.has("flock") && !await retried(settings, () => flockTry(fd, "exclusive"))) throw busy();
  if (settings.locks.has("fcntl") && !await retried(settings, () => fileLock(fd))) throw busy();
}
