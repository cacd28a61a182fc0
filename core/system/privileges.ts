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
const KEEP = 0xffff_ffff;

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
  ownGroups = undefined;
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
function takeEffective(identity: Identity): void {
  const { setgroupsCall, setresCall } = libc();
  if (
    !keepsGroups(identity) &&
    setgroupsCall(SYSCALL.setgroups, identity.groups.length, Uint32Array.from(identity.groups)) !== 0
  ) {
    throw systemError("setgroups");
  }
  if (setresCall(SYSCALL.setresgid, KEEP, identity.gid, KEEP) !== 0) throw systemError("setresgid");
  if (setresCall(SYSCALL.setresuid, KEEP, identity.uid, KEEP) !== 0) throw systemError("setresuid");
}

/** Takes root back; without that, this thread must not go on. */
function takeRoot(): void {
  if (libc().setresCall(SYSCALL.setresuid, KEEP, 0, KEEP) !== 0) throw noRoot();
}

/** The other half: root's groups. */
function takeRootGroups(changed: boolean): void {
  const { setgroupsCall, setresCall } = libc();
  const { gid, groups } = own();
  if (
    setresCall(SYSCALL.setresgid, KEEP, gid, KEEP) !== 0 ||
    (changed && setgroupsCall(SYSCALL.setgroups, groups.length, Uint32Array.from(groups)) !== 0)
  ) throw noRoot();
}

function noRoot(): Error {
  return systemError("Cannot take back root's rights");
}

/** With no groups before, a list of the primary group alone says what that group says already. */
function keepsGroups({ gid, groups }: Identity): boolean {
  return own().groups.length === 0 && groups.every((group) => group === gid);
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
  try {
    takeEffective(identity);
    return work();
  } finally {
    takeRoot();
    takeRootGroups(!keepsGroups(identity));
  }
}

/** Something that is to be done with a user's rights. */
export interface UserWork {
  readonly identity: Identity;
  /** Synchronous, as for `asUser`, and does not throw. */
  readonly run: () => void;
  /** Called instead of `run` if the rights can't be had. */
  readonly refused: (error: unknown) => void;
}

/**
 * Does several pieces of work, each as `asUser` would. Those of one user share a change of rights, which costs the system
 * more than a file operation, and root's groups are taken back once, behind the last user.
 */
export function asUsers(works: readonly UserWork[]): void {
  const isRoot = libc().geteuid() === 0;
  let changed = false;
  try {
    for (const same of byUser(works)) {
      const [{ identity }] = same;
      if (!isRoot) {
        for (const { run, refused } of same) asOwnUser(identity, run, refused);
        continue;
      }
      changed ||= !keepsGroups(identity);
      try {
        takeEffective(identity);
      } catch (error) {
        takeRoot();
        for (const { refused } of same) refused(error);
        continue;
      }
      try {
        for (const { run } of same) run();
      } finally {
        takeRoot();
      }
    }
  } finally {
    if (isRoot) takeRootGroups(changed);
  }
}

function asOwnUser(identity: Identity, run: () => void, refused: (error: unknown) => void): void {
  try {
    asUser(identity, run);
  } catch (error) {
    refused(error);
  }
}

/** The works of each user together, in their order. */
function byUser(works: readonly UserWork[]): Iterable<[UserWork, ...UserWork[]]> {
  const users = new Map<string, [UserWork, ...UserWork[]]>();
  for (const work of works) {
    const { uid, gid, groups } = work.identity;
    const key = `${uid} ${gid} ${groups.join(" ")}`;
    const same = users.get(key);
    if (same === undefined) users.set(key, [work]);
    else same.push(work);
  }
  return users.values();
}

/** The supplementary groups of this process (getgroups(2)). */
function supplementaryGroups(): number[] {
  const { getgroups } = libc();
  const groups = new Uint32Array(getgroups(0, null));
  const count = getgroups(groups.length, groups);
  if (count < 0) throw systemError("getgroups");
  return [...groups.subarray(0, count)];
}

/** This process's own groups, which never change while it may act as others. */
function own(): { readonly gid: number; readonly groups: readonly number[] } {
  return ownGroups ??= { gid: libc().getegid(), groups: supplementaryGroups() };
}

let ownGroups: { readonly gid: number; readonly groups: readonly number[] } | undefined;
