import process from "node:process";
import { cString, libc, systemError } from "./libc.ts";

/** Whose rights something is done with. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups; empty for none. */
  readonly groups: readonly number[];
}

/** setgroups(2) by number: the C function would act on all threads, `asUser` wants this one only. */
const SYS_SETGROUPS = Deno.build.arch === "aarch64" ? 159n : 116n;

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
  if (identity.uid !== 0 && (process.geteuid?.() === 0 || libc().setresuid(0, 0, 0) === 0)) {
    throw new Error("Root privileges could be taken back after giving them up");
  }
}

/** chroot(2) and change to the new root. */
export function changeRoot(directory: string): void {
  if (libc().chroot(cString(directory)) !== 0) throw systemError(`chroot ${directory}`);
  Deno.chdir("/");
}

function takeFileIdentity(identity: Identity): void {
  const status = libc().syscall(
    SYS_SETGROUPS,
    BigInt(identity.groups.length),
    Uint32Array.from(identity.groups),
  );
  if (status !== 0n) throw systemError("setgroups");
  libc().setfsgid(identity.gid);
  libc().setfsuid(identity.uid);
  // setfsuid(2) reports no error; asking again with an impossible id returns the one in force.
  if (libc().setfsuid(0xffffffff) !== identity.uid || libc().setfsgid(0xffffffff) !== identity.gid) {
    throw new Error(`Cannot take on user ${identity.uid} and group ${identity.gid} for file access`);
  }
}

/**
 * Runs `work` with the file-access rights of a user and takes the old ones back. The rights belong to this thread:
 * `work` must be synchronous, an asynchronous file operation would run on another thread with the old rights.
 * Without root, `work` simply runs when the identity is the process's own, and it is an error otherwise.
 */
export function asUser<T>(identity: Identity, work: () => T): T {
  const uid = process.geteuid?.() ?? 0;
  if (uid !== 0) {
    if (uid !== identity.uid) {
      throw new Error(`Running as user ${uid}, not as root: cannot act as user ${identity.uid}`);
    }
    return work();
  }
  const before: Identity = {
    uid: 0,
    gid: process.getegid?.() ?? 0,
    groups: process.getgroups?.() as number[] ?? [],
  };
  try {
    takeFileIdentity(identity);
    return work();
  } finally {
    takeFileIdentity(before);
  }
}
