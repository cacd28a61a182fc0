import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  type Stats,
  statSync,
} from "node:fs";
import { asUser, type Identity, pathInfo } from "../../core/system/mod.ts";
import { errorName, failed, MailboxError } from "./errors.ts";

const { O_APPEND, O_CREAT, O_EXCL, O_NONBLOCK, O_NOFOLLOW, O_RDWR, O_WRONLY } = constants;

export interface OpenedFile {
  readonly fd: number;
  readonly status: Stats;
}

/**
 * A link may stand for the file only if root made it in a directory that nobody else can write to: anybody else's may
 * lead a delivery where its rights reach and its maker's do not.
 */
function isTrustedLink(path: string, link: Stats): boolean {
  if (link.uid !== 0) return false;
  const directory = statSync(path.slice(0, path.lastIndexOf("/")) || "/");
  return directory.uid === 0 && (directory.mode & 0o22) === 0;
}

/** The mailbox check reads what is there before; other destinations need not be readable. */
function openExisting(path: string, access: number, standard: string): OpenedFile {
  // O_NONBLOCK: a pipe or a device in the place of the file must not hold the delivery up.
  const fd = openSync(path, access | O_APPEND | O_NONBLOCK);
  try {
    const status = fstatSync(fd);
    if (status.isFile() && status.nlink !== 1) {
      throw new MailboxError(standard, `file has ${status.nlink} hard links`);
    }
    const link = lstatSync(path);
    if (link.isSymbolicLink()) {
      if (!isTrustedLink(path, link)) throw new MailboxError(standard, "file is a symbolic link");
    } else if (link.ino !== status.ino || link.dev !== status.dev) {
      throw new MailboxError("4.2.0", "file status changed unexpectedly");
    }
    return { fd, status };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** For reading too, if the user may: what an earlier attempt left behind is looked for. */
function openReadable(path: string, standard: string): OpenedFile {
  try {
    return openExisting(path, O_RDWR, standard);
  } catch (error) {
    if (errorName(error) !== "EACCES") throw error;
    return openExisting(path, O_WRONLY, standard);
  }
}

function openOrCreate(
  path: string,
  owner: { readonly uid: number; readonly gid: number } | undefined,
  standard: string,
): OpenedFile {
  for (let tries = 0; tries < 100; tries++) {
    try {
      // The error of `openSync` costs more than this look.
      if (pathInfo(path) !== "missing") return openReadable(path, standard);
    } catch (error) {
      if (errorName(error) !== "ENOENT") throw wrapped("cannot open file", error, standard);
    }
    let fd: number;
    try {
      fd = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    } catch (error) {
      // Somebody made it between the two steps, or it is a link to nowhere.
      if (errorName(error) === "EEXIST") {
        if (isDanglingLink(path)) {
          throw new MailboxError(standard, "cannot open file: No such file or directory");
        }
        continue;
      }
      throw wrapped("cannot create file exclusively", error, standard);
    }
    if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
    return { fd, status: fstatSync(fd) };
  }
  throw new MailboxError("4.2.0", "file status changed unexpectedly");
}

function isDanglingLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

function wrapped(what: string, error: unknown, standard: string): MailboxError {
  return error instanceof MailboxError ? error : failed(what, error, standard);
}

/**
 * Opens a file for appending, or makes it with mode 0600, with the rights of `identity`; `owner` gets a new file. Throws
 * `MailboxError` (status `standard` unless the error says more) for what can't be opened, has several names, or is reached through somebody's link.
 */
export function openForAppend(
  path: string,
  identity: Identity,
  owner: { readonly uid: number; readonly gid: number } | undefined,
  standard: string,
): OpenedFile {
  return asUser(identity, () => openOrCreate(path, owner, standard));
}

/** True if a lock file makes sense: a regular file, or nothing yet. */
export function isLockable(path: string, identity: Identity): boolean {
  // What root does not find nobody finds, and asking this way needs no exception.
  if (pathInfo(path) === "missing") return true;
  try {
    return asUser(identity, () => statSync(path).isFile());
  } catch {
    return true;
  }
}
