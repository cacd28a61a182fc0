import { cPath } from "./c_path.ts";
import { changeModeIn, moveBetween, type MoveResult, removeFrom } from "./directory_changes.ts";
import { Errno, errno, libc, systemError } from "./libc.ts";

/** What the system says about an open file (statx(2)). */
export interface OpenFileInfo {
  /** Permission bits. */
  readonly mode: number;
  readonly isFile: boolean;
  readonly size: number;
  /** Seconds. */
  readonly mtime: number;
  readonly uid: number;
  readonly inode: number;
  readonly links: number;
}

/** A file opened for reading, without the cost of a file object. */
export interface OpenFile {
  info(): OpenFileInfo;
  /** Reads at a file offset; the number of bytes, 0 at the end. Throws `Error` if the system refuses. */
  readAt(buffer: Uint8Array<ArrayBuffer>, offset: number): number;
  close(): void;
}

/** One name in a directory, with what the directory itself tells about it. */
export interface DirectoryEntry {
  readonly name: string;
  /** As the directory has it; on some stacked file systems the file itself says otherwise. */
  readonly inode: number;
  readonly kind: "file" | "directory" | "other" | "unknown";
}

/** An open directory, whose files are opened by their bare names. */
export interface DirectoryHandle {
  /** What the directory holds, without `.` and `..`. Throws `Error` if it can't be read. */
  entries(): DirectoryEntry[];
  /** The same in pieces, as the system hands them out: the first come at once, however many there are. */
  batches(): Iterable<readonly DirectoryEntry[]>;
  /** Undefined if the file isn't there or can't be opened. Links are not followed, FIFOs not waited for. */
  open(name: string): OpenFile | undefined;
  /** Permission bits of a regular file; undefined if there is none of this name. Throws `Error` as the next ones do. */
  modeOf(name: string): number | undefined;
  /** Who owns a file, a directory or anything else, links not followed; undefined if there is nothing. */
  ownerOf(name: string): number | undefined;
  /** Moves a file to another open directory; nothing is overwritten. */
  move(name: string, to: DirectoryHandle, newName: string): MoveResult;
  /** Removes a file; false if there is none. */
  remove(name: string): boolean;
  /** Sets permission bits; false if there is no such file. */
  setMode(name: string, mode: number): boolean;
  readonly fd: number;
  close(): void;
}

const ARM = Deno.build.arch === "aarch64";
const O_DIRECTORY = ARM ? 0x4000 : 0x10000;
const O_NOFOLLOW = ARM ? 0x8000 : 0x20000;
const O_NONBLOCK = 0x800;
const O_CLOEXEC = 0x80000;
/** Looking at a file is no use of it: without this flag the first look at each file costs a write of its inode. */
const O_NOATIME = 0x40000;
const FILE_FLAGS = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC = 0x7ff;
const STATX_TYPE_MODE = 0x3;
const STATX_UID = 0x8;

const EMPTY = new Uint8Array(1);
const STATX = new Uint8Array(256);
const STATX_VIEW = new DataView(STATX.buffer);

/** A name as C takes it; undefined for names that no file can have. */
function nameIfPossible(name: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return cPath(name);
  } catch {
    return undefined;
  }
}

/** A 64-bit number, without the detour over a bigint. */
function long(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getInt32(at + 4, true) * 0x1_0000_0000;
}

function info(fd: number): OpenFileInfo {
  if (libc().statx(fd, EMPTY, AT_EMPTY_PATH, STATX_BASIC, STATX) !== 0) throw systemError("statx");
  return statxInfo();
}

/**
 * What the system says about a path, symbolic links not followed; `missing` if there is nothing. Undefined if it could not
 * be asked: the ordinary call tells why, or does it where C functions may not be called.
 */
export function pathInfo(path: string): OpenFileInfo | "missing" | undefined {
  try {
    if (libc().statx(AT_FDCWD, cPath(path), AT_SYMLINK_NOFOLLOW, STATX_BASIC, STATX) === 0) {
      return statxInfo();
    }
    return errno() === Errno.ENOENT ? "missing" : undefined;
  } catch {
    return undefined;
  }
}

function statxInfo(): OpenFileInfo {
  const mode = STATX_VIEW.getUint16(28, true);
  return {
    mode: mode & 0o7777,
    isFile: (mode & 0o170000) === 0o100000,
    size: long(STATX_VIEW, 40),
    mtime: long(STATX_VIEW, 112) + STATX_VIEW.getUint32(120, true) / 1e9,
    uid: STATX_VIEW.getUint32(20, true),
    inode: long(STATX_VIEW, 32),
    links: STATX_VIEW.getUint32(16, true),
  };
}

class SystemFile implements OpenFile {
  constructor(private readonly fd: number) {}

  info(): OpenFileInfo {
    return info(this.fd);
  }

  readAt(buffer: Uint8Array<ArrayBuffer>, offset: number): number {
    const count = Number(libc().pread(this.fd, buffer, BigInt(buffer.length), BigInt(offset)));
    if (count < 0) throw systemError("pread");
    return count;
  }

  close(): void {
    libc().close(this.fd);
  }
}

const GETDENTS64 = ARM ? 61n : 217n;
const KINDS: Readonly<Record<number, DirectoryEntry["kind"]>> = { 0: "unknown", 4: "directory", 8: "file" };
const decoder = new TextDecoder();

/** Takes apart what getdents64(2) wrote: inode (8 bytes), offset (8), length (2), type (1), name with a NUL. */
function readEntries(
  bytes: Uint8Array<ArrayBuffer>,
  view: DataView,
  end: number,
  into: DirectoryEntry[],
): void {
  for (let at = 0; at < end;) {
    const length = view.getUint16(at + 16, true);
    const start = at + 19;
    const name = decoder.decode(bytes.subarray(start, bytes.indexOf(0, start)));
    if (name !== "." && name !== "..") {
      into.push({ name, inode: long(view, at), kind: KINDS[bytes[at + 18]!] ?? "other" });
    }
    at += length;
  }
}

class SystemDirectory implements DirectoryHandle {
  /** Only the owner of a file may ask for it; others do without. */
  #flags = FILE_FLAGS | O_NOATIME;
  constructor(readonly fd: number) {}

  entries(): DirectoryEntry[] {
    return [...this.batches()].flat();
  }

  *batches(): Iterable<readonly DirectoryEntry[]> {
    const bytes = new Uint8Array(65536);
    const view = new DataView(bytes.buffer);
    for (;;) {
      const count = Number(libc().getdents64(GETDENTS64, BigInt(this.fd), bytes, BigInt(bytes.length)));
      if (count < 0) throw systemError("getdents64");
      if (count === 0) return;
      const found: DirectoryEntry[] = [];
      readEntries(bytes, view, count, found);
      yield found;
    }
  }

  open(name: string): OpenFile | undefined {
    const text = nameIfPossible(name);
    if (text === undefined) return undefined;
    let fd = libc().openat(this.fd, text, this.#flags);
    if (fd < 0 && this.#flags !== FILE_FLAGS && errno() === Errno.EPERM) {
      this.#flags = FILE_FLAGS;
      fd = libc().openat(this.fd, text, this.#flags);
    }
    return fd < 0 ? undefined : new SystemFile(fd);
  }

  modeOf(name: string): number | undefined {
    if (libc().statx(this.fd, cPath(name), AT_SYMLINK_NOFOLLOW, STATX_TYPE_MODE, STATX) !== 0) {
      if (errno() === Errno.ENOENT) return undefined;
      throw systemError("statx");
    }
    const mode = STATX_VIEW.getUint16(28, true);
    return (mode & 0o170000) === 0o100000 ? mode & 0o7777 : undefined;
  }

  ownerOf(name: string): number | undefined {
    if (libc().statx(this.fd, cPath(name), AT_SYMLINK_NOFOLLOW, STATX_UID, STATX) === 0) {
      return STATX_VIEW.getUint32(20, true);
    }
    if (errno() === Errno.ENOENT) return undefined;
    throw systemError("statx");
  }

  move(name: string, to: DirectoryHandle, newName: string): MoveResult {
    return moveBetween(this.fd, name, to.fd, newName);
  }

  remove(name: string): boolean {
    return removeFrom(this.fd, name);
  }

  setMode(name: string, mode: number): boolean {
    return changeModeIn(this.fd, name, mode);
  }

  close(): void {
    libc().close(this.fd);
  }
}

/**
 * Opens a directory whose many small files are about to be read: opening by bare name saves the walk down the path, and the
 * calls skip what a file object costs, which together is two thirds of the time. A link is followed
 * only where a slash stands behind its name. Undefined if the directory isn't there,
 * can't be read, or the process may not call C functions: take the ordinary way then.
 */
export function openDirectory(path: string): DirectoryHandle | undefined {
  let directory: number;
  try {
    directory = libc().open(cPath(path), O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  } catch {
    return undefined;
  }
  return directory < 0 ? undefined : new SystemDirectory(directory);
}
