import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  ftruncateSync,
  openSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { promisify } from "node:util";
import type { ContentReader } from "../../core/queue/mod.ts";
import { asUser, fcntlLock, fcntlUnlock, flockTry, funlock, type Identity } from "../../core/system/mod.ts";
import { type CopyForm, copyMessage } from "./copy.ts";

const sync = promisify(fsync);

export interface MboxSettings {
  /** `mailbox_delivery_lock`: any of `fcntl`, `flock`, `dotlock`. */
  readonly locks: readonly string[];
  /** `deliver_lock_attempts` and `deliver_lock_delay` (seconds). */
  readonly lockAttempts: number;
  readonly lockDelay: number;
  /** `stale_lock_time` (seconds): a dotlock older than this is removed. */
  readonly staleLockTime: number;
  /** `mailbox_size_limit` in bytes, 0 for none. */
  readonly sizeLimit: number;
  /** `strict_mailbox_ownership`: the file must belong to the recipient. */
  readonly strictOwnership: boolean;
}

/** Why a mailbox could not be used; `code` is an errno name or one of ours. */
export class MailboxError extends Error {
  override readonly name = "MailboxError";
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

const pause = (seconds: number) => new Promise((done) => setTimeout(done, seconds * 1000));

/** Tries `attempt` until it succeeds or the attempts are used up. */
async function retried(settings: MboxSettings, what: string, attempt: () => boolean): Promise<void> {
  for (let tries = 0; tries < settings.lockAttempts; tries++) {
    if (tries > 0) await pause(settings.lockDelay);
    if (attempt()) return;
  }
  throw new MailboxError("EAGAIN", `unable to lock for exclusive access: ${what}`);
}

/** Makes `PATH.lock` exclusively; removes one that is stale. */
function tryDotlock(path: string, staleLockTime: number): boolean {
  try {
    const fd = openSync(path, "wx", 0);
    writeSync(fd, String(Deno.pid));
    closeSync(fd);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  try {
    if (Date.now() / 1000 - statSync(path).mtimeMs / 1000 > staleLockTime) unlinkSync(path);
  } catch {
    // Somebody else removed it first.
  }
  return false;
}

/**
 * Appends one message to an mbox file with the rights of `identity`, under the locks that the settings name. A partial
 * append, also one that a crash left behind inside this call, is cut off again. Throws `MailboxError` or the file
 * system's error.
 */
export async function appendToMbox(
  path: string,
  identity: Identity,
  settings: MboxSettings,
  reader: ContentReader,
  form: CopyForm,
): Promise<void> {
  const lockPath = `${path}.lock`;
  const dotlock = settings.locks.includes("dotlock");
  // O_NOFOLLOW: a link planted in a shared spool must not lead the append elsewhere.
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
  if (dotlock) {
    await retried(settings, path, () => asUser(identity, () => tryDotlock(lockPath, settings.staleLockTime)));
  }
  let fd = -1;
  try {
    fd = asUser(identity, () => openSync(path, flags, 0o600));
    const status = fstatSync(fd);
    if (!status.isFile()) throw new MailboxError("ENOTREG", "destination is not a regular file");
    if (status.nlink !== 1) throw new MailboxError("EMLINK", `destination has ${status.nlink} links`);
    if (settings.strictOwnership && status.uid !== identity.uid) {
      throw new MailboxError("EOWNER", "destination is not owned by recipient");
    }
    const mailbox = fd;
    if (settings.locks.includes("fcntl")) await retried(settings, path, () => fcntlLock(mailbox));
    if (settings.locks.includes("flock")) await retried(settings, path, () => flockTry(mailbox, "exclusive"));
    const before = fstatSync(fd).size;
    try {
      const size = asUser(identity, () => copyMessage(reader, mailbox, form));
      if (settings.sizeLimit > 0 && before + size > settings.sizeLimit) {
        throw new MailboxError("EFBIG", "mailbox size limit exceeded");
      }
      await sync(fd);
    } catch (error) {
      ftruncateSync(fd, before);
      throw error;
    }
    fcntlUnlock(fd);
    funlock(fd);
  } finally {
    if (fd >= 0) closeSync(fd);
    if (dotlock) {
      asUser(identity, () => {
        try {
          unlinkSync(lockPath);
        } catch {
          // Taken away as stale by another delivery.
        }
      });
    }
  }
}
