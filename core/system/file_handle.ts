import { cPath } from "./c_path.ts";
import { Errno, errno, libc, systemError } from "./libc.ts";
import { flockTry } from "./locks.ts";

/**
 * An open file as its bare descriptor. The runtime's own file object costs several times the system call: it resolves
 * the path link by link for its permission check, and reads and writes go through its resource table.
 */
export interface FileHandle {
  readonly fd: number;
  /** The inode number (fstat(2)). */
  inode(): number;
  /** The inode number, and the number of the device that it is on. */
  place(): { readonly inode: number; readonly device: number };
  /** Length in bytes. */
  size(): number;
  /** Writes all of `bytes` where the file stands. */
  write(bytes: Uint8Array): void;
  /** Writes all of `bytes` at an offset. */
  writeAt(bytes: Uint8Array, offset: number): void;
  /** Reads at an offset; the number of bytes, 0 at the end. */
  readAt(buffer: Uint8Array, offset: number): number;
  /** Permission bits (fchmod(2)). */
  setMode(mode: number): void;
  /** flock(2) without waiting; false if another process holds it. Closing gives it up. */
  tryLock(mode: "shared" | "exclusive"): boolean;
  close(): void;
}

const ARM = Deno.build.arch === "aarch64";
const O_RDWR = 2;
const O_CREAT = 0x40;
const O_EXCL = 0x80;
const O_NOFOLLOW = ARM ? 0x8000 : 0x20000;
const O_CLOEXEC = 0x80000;
const AT_EMPTY_PATH = 0x1000;
const STATX_INO_SIZE = 0x100 | 0x200;

const EMPTY = new Uint8Array(1);
const STATX = new Uint8Array(256);
const STATX_VIEW = new DataView(STATX.buffer);

/** The runtime's error classes, which callers branch on. */
function fileSystemError(call: string, code: number): Error {
  const { message } = systemError(call, code);
  if (code === Errno.ENOENT) return new Deno.errors.NotFound(message);
  if (code === Errno.EEXIST) return new Deno.errors.AlreadyExists(message);
  if (code === Errno.EACCES || code === Errno.EPERM) return new Deno.errors.PermissionDenied(message);
  return systemError(call, code);
}

class Handle implements FileHandle {
  constructor(readonly fd: number, private readonly path: string) {}

  inode(): number {
    this.#stat();
    return STATX_VIEW.getUint32(32, true) + STATX_VIEW.getUint32(36, true) * 0x1_0000_0000;
  }

  place(): { inode: number; device: number } {
    const inode = this.inode();
    const minor = STATX_VIEW.getUint32(140, true);
    // As makedev(3) puts the two parts together.
    const device = (minor & 0xff) + (STATX_VIEW.getUint32(136, true) & 0xfff) * 0x100 +
      (minor & 0xfff00) * 0x1000;
    return { inode, device };
  }

  size(): number {
    this.#stat();
    return STATX_VIEW.getUint32(40, true) + STATX_VIEW.getUint32(44, true) * 0x1_0000_0000;
  }

  #stat(): void {
    if (libc().statx(this.fd, EMPTY, AT_EMPTY_PATH, STATX_INO_SIZE, STATX) !== 0) throw this.#failed("statx");
  }

  write(bytes: Uint8Array<ArrayBuffer>): void {
    for (let at = 0; at < bytes.length;) {
      const rest = at === 0 ? bytes : bytes.subarray(at);
      const count = Number(libc().write(this.fd, rest, BigInt(rest.length)));
      if (count >= 0) at += count;
      else if (errno() !== Errno.EINTR) throw this.#failed("write");
    }
  }

  writeAt(bytes: Uint8Array<ArrayBuffer>, offset: number): void {
    for (let at = 0; at < bytes.length;) {
      const rest = at === 0 ? bytes : bytes.subarray(at);
      const count = Number(libc().pwrite(this.fd, rest, BigInt(rest.length), BigInt(offset + at)));
      if (count >= 0) at += count;
      else if (errno() !== Errno.EINTR) throw this.#failed("write");
    }
  }

  readAt(buffer: Uint8Array<ArrayBuffer>, offset: number): number {
    for (;;) {
      const count = Number(libc().pread(this.fd, buffer, BigInt(buffer.length), BigInt(offset)));
      if (count >= 0) return count;
      if (errno() !== Errno.EINTR) throw this.#failed("read");
    }
  }

  setMode(mode: number): void {
    if (libc().fchmod(this.fd, mode) !== 0) throw this.#failed("chmod");
  }

  tryLock(mode: "shared" | "exclusive"): boolean {
    return flockTry(this.fd, mode);
  }

  close(): void {
    libc().close(this.fd);
  }

  #failed(call: string): Error {
    return fileSystemError(`${call} ${this.path}`, errno());
  }
}

function open(path: string, flags: number, mode: number): FileHandle {
  for (;;) {
    const fd = libc().openMode(cPath(path), flags | O_CLOEXEC, mode);
    if (fd >= 0) return new Handle(fd, path);
    const code = errno();
    if (code !== Errno.EINTR) throw fileSystemError(`open ${path}`, code);
  }
}

/**
 * Creates a file that must not exist and opens it for reading and writing. Throws `Deno.errors.AlreadyExists`,
 * `NotFound`, `PermissionDenied`, or an `Error` with the system's words and number (`code`).
 */
export function createFile(path: string, mode: number): FileHandle {
  return open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
}

/** Opens a file, for reading alone or for changing it too; errors as for `createFile`. */
export function openFile(path: string, access: "read" | "change" = "read"): FileHandle {
  return open(path, access === "read" ? 0 : O_RDWR, 0);
}
