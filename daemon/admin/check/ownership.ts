import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats, statSync } from "node:fs";
import process from "node:process";
import type { Config } from "../../../core/config/mod.ts";
import { lookupGroup, lookupUser, openDirectory } from "../../../core/system/mod.ts";
import { type Finding, warning } from "../finding.ts";
import { OWN_QUEUES, SOCKET_DIRECTORIES } from "../queue_directories.ts";

/** Directories of the queue that belong to the mail system with all that is in them. */
const OWN_DIRECTORIES = [...OWN_QUEUES, ...SOCKET_DIRECTORIES].sort();
/** What a chroot environment in the queue directory consists of. */
const JAIL = ["bin", "etc", "lib", "sbin", "usr"];
const OPEN_TO_OTHERS = 0o022;

/** Who must own what; an ordinary user's private mail system is all his own. */
interface Owners {
  readonly root: number;
  readonly rootName: string;
  readonly mail: number;
  readonly mailName: string;
  readonly dropGroup: number | undefined;
  readonly dropName: string;
}

function ownersOf(config: Config): Owners {
  const self = process.geteuid?.() ?? 0;
  const isRoot = self === 0;
  const mailName = config.string("mail_owner");
  const dropName = config.string("setgid_group");
  const selfName = lookupUser(self)?.name ?? String(self);
  return {
    root: isRoot ? 0 : self,
    rootName: isRoot ? "root" : selfName,
    mail: isRoot ? lookupUser(mailName)?.uid ?? 0 : self,
    mailName: isRoot ? mailName : selfName,
    dropGroup: isRoot ? lookupGroup(dropName)?.gid : undefined,
    dropName,
  };
}

function lstatOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** The path and everything below it, without following links. */
function* tree(path: string): Generator<{ readonly path: string; readonly info: Stats }> {
  const info = lstatOf(path);
  if (info === undefined) return;
  yield { path, info };
  if (!info.isDirectory()) return;
  let names: string[];
  try {
    names = readdirSync(path);
  } catch {
    // It went away, or is not ours to read; its owner was looked at.
    return;
  }
  for (const name of names.sort()) yield* tree(`${path}/${name}`);
}

/** What does not belong to a user in a directory tree of a hundred thousand files, the tree's top included. */
function foreign(top: string, uid: number): string[] {
  const found: string[] = [];
  const info = lstatOf(top);
  if (info !== undefined && info.uid !== uid) found.push(top);
  inDirectory(top);
  return found.sort();

  function inDirectory(directory: string): void {
    const handle = openDirectory(directory);
    // Not there, no directory, or not ours to read.
    if (handle === undefined) return;
    try {
      for (const { name, kind } of handle.entries()) {
        if (handle.ownerOf(name) !== uid) found.push(`${directory}/${name}`);
        if (kind === "directory" || kind === "unknown") inDirectory(`${directory}/${name}`);
      }
    } finally {
      handle.close();
    }
  }
}

function isOpen(info: Stats): boolean {
  return (info.mode & OPEN_TO_OTHERS) !== 0;
}

/** Owners, modes and links of the configuration, queue and data directories, in Postfix's words. */
export function checkOwnership(config: Config): Finding[] {
  const owners = ownersOf(config);
  const queue = config.string("queue_directory");
  return [
    ...rootOwned(queue, owners),
    ...configuration(config.directory, owners),
    ...dataDirectory(config.string("data_directory"), owners),
    ...sharedDirectories(queue, owners),
    ...jail(queue, owners),
    ...damaged(queue),
    ...otherMta(),
  ];
}

/** Foreign files in the queue: every one is looked at, which takes a while where there are a hundred thousand. */
export function checkQueueFiles(config: Config): Finding[] {
  return [...queueFiles(config.string("queue_directory"), ownersOf(config))];
}

function* rootOwned(queue: string, owners: Owners): Generator<Finding> {
  for (const path of [`${queue}/.`, `${queue}/pid`]) {
    const info = lstatOf(path);
    if (info === undefined) continue;
    if (info.uid !== owners.root) yield warning(`not owned by ${owners.rootName}: ${path}`);
    if (isOpen(info)) yield warning(`group or other writable: ${path}`);
  }
}

function* configuration(directory: string, owners: Owners): Generator<Finding> {
  for (const { path, info } of tree(`${directory}/.`)) {
    if (info.uid !== owners.root) yield warning(`not owned by ${owners.rootName}: ${path}`);
    // What a link leads to counts, as long as there is something.
    const target = info.isSymbolicLink() ? statSync(path, { throwIfNoEntry: false }) ?? info : info;
    if (isOpen(target)) yield warning(`group or other writable: ${path}`);
    if (info.isSymbolicLink() && path !== "/etc/postfix/./makedefs.out" && readlinkSync(path).includes("/")) {
      yield warning(`symlink leaves directory: ${path}`);
    }
  }
}

function* dataDirectory(directory: string, owners: Owners): Generator<Finding> {
  for (const { path, info } of tree(`${directory}/.`)) {
    if (info.uid !== owners.mail) {
      // The master's lock file is root's.
      if (!(path.endsWith("/./master.lock") && info.uid === owners.root)) {
        yield warning(`not owned by ${owners.mailName}: ${path}`);
      }
    }
    if (isOpen(info) && !info.isSymbolicLink()) yield warning(`group or other writable: ${path}`);
  }
}

function* queueFiles(queue: string, owners: Owners): Generator<Finding> {
  for (const name of OWN_DIRECTORIES) {
    for (const path of foreign(`${queue}/${name}`, owners.mail)) {
      const info = lstatOf(path);
      if (info === undefined || info.isFIFO() || info.isSocket() || info.uid === owners.mail) continue;
      yield warning(`not owned by ${owners.mailName}: ${path}`);
    }
  }
}

function* sharedDirectories(queue: string, owners: Owners): Generator<Finding> {
  // Anybody may put files into maildrop: what is in there is looked at by pickup alone.
  const maildrop = lstatOf(`${queue}/maildrop`);
  if (maildrop !== undefined && maildrop.uid !== owners.mail) {
    yield warning(`not owned by ${owners.mailName}: ${queue}/maildrop`);
  }
  for (const name of ["public", "maildrop"]) {
    const info = lstatOf(`${queue}/${name}`);
    if (info !== undefined && owners.dropGroup !== undefined && info.gid !== owners.dropGroup) {
      yield warning(`not owned by group ${owners.dropName}: ${queue}/${name}`);
    }
  }
}

/** Copies of system files for chrooted services grow old unnoticed. */
function* jail(queue: string, owners: Owners): Generator<Finding> {
  for (const name of JAIL) {
    for (const { path, info } of tree(`${queue}/${name}`)) {
      if (info.uid !== owners.root) yield warning(`not owned by ${owners.rootName}: ${path}`);
      if (!info.isFile()) continue;
      const original = path.slice(queue.length);
      const system = statSync(original, { throwIfNoEntry: false });
      if (system?.isFile() !== true) continue;
      if (system.size !== info.size || !sameBytes(path, original)) {
        yield warning(`${path} and ${original} differ`);
      }
    }
  }
}

function sameBytes(one: string, other: string): boolean {
  try {
    return readFileSync(one).equals(readFileSync(other));
  } catch {
    // What can't be read can't be compared; root can read all of it.
    return true;
  }
}

function* damaged(queue: string): Generator<Finding> {
  for (const { path, info } of tree(`${queue}/corrupt`)) {
    if (info.isFile()) yield warning(`damaged message: ${path.slice(queue.length + 1)}`);
  }
}

/** Two different sendmail programs: one of them belongs to another mail system. */
function* otherMta(): Generator<Finding> {
  const [one, other] = ["/usr/sbin/sendmail", "/usr/lib/sendmail"] as const;
  if (statSync(one, { throwIfNoEntry: false }) === undefined) return;
  if (statSync(other, { throwIfNoEntry: false }) === undefined || sameBytes(one, other)) return;
  yield warning(`${other} and ${one} differ`);
  yield warning("Replace one by a symbolic link to the other");
}
