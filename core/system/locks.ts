import { Errno, errno, libc, systemError } from "./libc.ts";

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** Waits for a flock(2) lock on an open descriptor. It blocks the thread: for short-lived locks only. */
export function flock(fd: number, mode: "shared" | "exclusive"): void {
  while (libc().flock(fd, mode === "shared" ? LOCK_SH : LOCK_EX) !== 0) {
    const code = errno();
    if (code !== Errno.EINTR) throw systemError("flock", code);
  }
}

/** Takes a flock(2) lock if it is free; false if somebody else holds it. */
export function flockTry(fd: number, mode: "shared" | "exclusive"): boolean {
  if (libc().flock(fd, (mode === "shared" ? LOCK_SH : LOCK_EX) | LOCK_NB) === 0) return true;
  const code = errno();
  if (code === Errno.EAGAIN || code === Errno.EINTR) return false;
  throw systemError("flock", code);
}

const F_SETLK = 6;

/** struct flock on 64-bit Linux: type and whence as 16 bits, then start, length and pid; zeros mean the whole file. */
function lockRequest(type: number): Uint8Array<ArrayBuffer> {
  const request = new Uint8Array(32);
  new DataView(request.buffer).setInt16(0, type, true);
  return request;
}

/** Takes an exclusive fcntl(2) lock on the whole file if it is free; false if another process holds it. */
export function fcntlLock(fd: number, mode: "shared" | "exclusive" = "exclusive"): boolean {
  if (libc().fcntl(fd, F_SETLK, lockRequest(mode === "shared" ? 0 : 1)) === 0) return true;
  const code = errno();
  if (code === Errno.EAGAIN || code === Errno.EACCES) return false;
  throw systemError("fcntl", code);
}

/** F_OFD_SETLK of Linux. */
const F_OFD_SETLK = 37;

/**
 * Takes an exclusive lock on the whole file if it is free. Other programs' fcntl(2) locks and this one exclude each other;
 * unlike theirs it belongs to the open file, so that two deliveries of one process exclude each other as well, and it
 * goes when the descriptor is closed.
 */
export function fileLock(fd: number): boolean {
  if (libc().fcntl(fd, F_OFD_SETLK, lockRequest(1)) === 0) return true;
  const code = errno();
  if (code === Errno.EAGAIN || code === Errno.EACCES) return false;
  throw systemError("fcntl", code);
}
