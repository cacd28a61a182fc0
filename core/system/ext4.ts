import { cPath } from "./c_path.ts";
import { libc } from "./libc.ts";

const O_DIRECTORY = Deno.build.arch === "aarch64" ? 0x4000 : 0x10000;
const O_CLOEXEC = 0x80000;
const FS_IOC_GETFLAGS = 0x8008_6601n;
const FS_IOC_SETFLAGS = 0x4008_6602n;
const FS_TOPDIR_FL = 0x2_0000;

/**
 * Is this directory on an ext4 file system that was made without a journal? False where that can't be found out.
 * Such a file system never gives out an inode that was deleted in the last minutes if it can help it, and finds that out
 * one inode at a time: thousands of deleted files make each new one of the same block group expensive.
 */
export function isExt4WithoutJournal(directory: string): boolean {
  try {
    const device = Deno.statSync(directory).dev;
    const major = Math.floor(device / 0x100) & 0xfff;
    const minor = (device & 0xff) | (Math.floor(device / 0x1000) & 0xfff00);
    const name = Deno.readLinkSync(`/sys/dev/block/${major}:${minor}`).split("/").at(-1)!;
    return Deno.readTextFileSync(`/sys/fs/ext4/${name}/journal_task`).trim() === "<none>";
  } catch {
    return false;
  }
}

/**
 * Asks ext4 to put the subdirectories that will be made in a directory, and with them the files in those, far apart
 * (`chattr +T`). False if the system refuses.
 */
export function spreadSubdirectories(directory: string): boolean {
  const fd = libc().openMode(cPath(directory), O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return false;
  try {
    const flags = new Uint32Array(2);
    if (libc().ioctl(fd, FS_IOC_GETFLAGS, flags) !== 0) return false;
    flags[0] = flags[0]! | FS_TOPDIR_FL;
    return libc().ioctl(fd, FS_IOC_SETFLAGS, flags) === 0;
  } finally {
    libc().close(fd);
  }
}
