import { cString, libc, systemError } from "./libc.ts";

/** Whose rights something is done with. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups; empty for none. */
  readonly groups: readonly number[];
}

/** System calls by number: the C functions would act on all threads, `asUser` wants this one only. */
const SYSCALL = Deno.build.arch === "aarch64"
  ? { setgroups: 159n, setresuid: 147n, setresgid: 149n }
  : { setgroups: 116n, setresuid: 117n, setresgid: 119n };
/** "Leave it as it is", for setresuid(2). */
const KEEP = -1n;

/**
 * Gives up root for good: supplementary groups, group, user, for the whole process. Throws if any step fails or if
 * root could be had back; the caller must then end the process.
 */
export function dropPrivileges(identity: Identity): void {
  if (libc().setgroups(BigInt(identity.groups.length), Uint32Array.from(identity.groups)) !== 0) {
    throw systemError("setgroups");
  }
  if (libc().setresgid(identity.gid, identity.gid, identity.gid) !== 0) throw systemError("setresgid");
  if (libc().setresuid(identity.uid, identity.uid, identity.uid) !== 0) throw systemError("setresuid");
  if (identity.uid !== 0 && (libc().geteuid() === 0 || libc().setresuid(0, 0, 0) === 0)) {
    throw new Error("Root privileges could be taken back after giving them up");
  }
}

/** Gives up root's supplementary groups, on all threads: as root they add nothing, and `asUser` need not change them. */
export function dropSupplementaryGroups(): void {
  if (libc().setgroups(0n, new Uint32Array(0)) !== 0) throw systemError("setgroups");
  ownGroups = [];
}

/** chroot(2) and change to the new root. */
export function changeRoot(directory: string): void {
  if (libc().chroot(cString(directory)) !== 0) throw systemError(`chroot(${directory})`);
  Deno.chdir("/");
}

/**
 * Makes a user the effective one of this thread. Unlike a change of the file system user alone it takes all of root's
 * capabilities away, so that disk quotas and reserved blocks hold as they do for the user.
 */
function takeEffective(identity: Identity, keepGroups: boolean): void {
  const { syscall, syscall3 } = libc();
  if (
    !keepGroups &&
    syscall(SYSCALL.setgroups, BigInt(identity.groups.length), Uint32Array.from(identity.groups)) !== 0n
  ) {
    throw systemError("setgroups");
  }
  if (syscall3(SYSCALL.setresgid, KEEP, BigInt(identity.gid), KEEP) !== 0n) throw systemError("setresgid");
  if (syscall3(SYSCALL.setresuid, KEEP, BigInt(identity.uid), KEEP) !== 0n) throw systemError("setresuid");
}

/** Takes root back; without that, this thread must not go on. */
function takeRoot(groups: readonly number[], gid: number, keepGroups: boolean): void {
  const { syscall, syscall3 } = libc();
  if (
    syscall3(SYSCALL.setresuid, KEEP, 0n, KEEP) !== 0n ||
    syscall3(SYSCALL.setresgid, KEEP, BigInt(gid), KEEP) !== 0n ||
    (!keepGroups && syscall(SYSCALL.setgroups, BigInt(groups.length), Uint32Array.from(groups)) !== 0n)
  ) throw systemError("Cannot take back root's rights");
}

/**
 * Runs `work` with the rights of a user and takes the old ones back. The rights belong to this thread:
 * `work` must be synchronous, an asynchronous file operation would run on another thread with the old rights.
 * Without root, `work` simply runs when the identity is the process's own, and it is an error otherwise.
 */
export function asUser<T>(identity: Identity, work: () => T): T {
  const uid = libc().geteuid();
  if (uid !== 0) {
    if (uid !== identity.uid) {
      throw new Error(`Running as user ${uid}, not as root: cannot act as user ${identity.uid}`);
    }
    return work();
  }
  const groups = ownGroups ??= supplementaryGroups();
  const gid = ownGroup ??= libc().getegid();
  // With no groups before, a list of the primary group alone says what that group says already.
  const keepGroups = groups.length === 0 && identity.groups.every((group) => group === identity.gid);
  try {
    takeEffective(identity, keepGroups);
    return work();
  } finally {
    takeRoot(groups, gid, keepGroups);
  }
}

/** The supplementary groups of this process (getgroups(2)). */
function supplementaryGroups(): number[] {
  const { getgroups } = libc();
  const groups = new Uint32Array(getgroups(0, null));
  const count = getgroups(groups.length, groups);
  if (count < 0) throw systemError("getgroups");
  return [...groups.subarray(0, count)];
}

/** This process's own, which never change while it may act as others. */
let ownGroups: readonly number[] | undefined;
let ownGroup: number | undefined;
