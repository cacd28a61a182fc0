import { basename, dirname } from "node:path";
import type { Config } from "../config/types.ts";
import { prepareNewFiles } from "./new_files.ts";
import { lookupGroup, lookupUser } from "../system/mod.ts";

/** Directories that belong to the mail system alone. */
const PRIVATE = [
  "incoming",
  "active",
  "deferred",
  "hold",
  "corrupt",
  "bounce",
  "defer",
  "trace",
  "flush",
  "saved",
  "private",
];

interface Wanted {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Makes the directories of a queue with the owners and modes that Postfix gives them, and mends those that are there.
 * Without root the owner is whoever runs this. Throws if one can't be made or is not a directory, with its path.
 */
export function createQueueDirectories(config: Config): void {
  const root = config.string("queue_directory");
  const mail = lookupUser(config.string("mail_owner"));
  const drop = lookupGroup(config.string("setgid_group"));
  const isRoot = Deno.uid() === 0;
  if (isRoot && mail === undefined) {
    throw new Error(`mail_owner: user "${config.string("mail_owner")}" is unknown`);
  }
  if (isRoot && drop === undefined) {
    throw new Error(`setgid_group: group "${config.string("setgid_group")}" is unknown`);
  }
  const uid = mail?.uid ?? 0;
  const dropGid = drop?.gid ?? 0;
  const wanted: Wanted[] = [
    { path: root, mode: 0o755, uid: 0, gid: 0 },
    { path: `${root}/pid`, mode: 0o755, uid: 0, gid: 0 },
    ...PRIVATE.map((name) => ({ path: `${root}/${name}`, mode: 0o700, uid, gid: 0 })),
    { path: `${root}/maildrop`, mode: 0o730, uid, gid: dropGid },
    { path: `${root}/public`, mode: 0o710, uid, gid: dropGid },
    // Where unprivileged users' commands reach the mail system: the sockets in it check who calls.
    { path: `${root}/postel`, mode: 0o755, uid, gid: 0 },
  ];
  for (const directory of wanted) ensureDirectory(directory, isRoot);
  prepareNewFiles(root, isRoot ? { uid, gid: 0 } : undefined);
}

/** Makes a directory beside its place and puts it there complete: others may look into it from its first moment on. */
function makeDirectory({ path, mode, uid, gid }: Wanted, isRoot: boolean): void {
  const parent = dirname(path);
  Deno.mkdirSync(parent, { recursive: true });
  const beside = Deno.makeTempDirSync({ dir: parent, prefix: `${basename(path)}.new-` });
  try {
    Deno.chmodSync(beside, mode);
    if (isRoot) Deno.chownSync(beside, uid, gid);
    Deno.renameSync(beside, path);
  } catch (error) {
    Deno.removeSync(beside);
    // Somebody else made it meanwhile, and it is in use.
    if (!isDirectory(path)) throw error;
  }
}

function isDirectory(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch {
    return false;
  }
}

function ensureDirectory(wanted: Wanted, isRoot: boolean): void {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(wanted.path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    makeDirectory(wanted, isRoot);
    info = Deno.lstatSync(wanted.path);
  }
  if (!info.isDirectory) throw new Error(`${wanted.path} is not a directory: move it away`);
  if (isRoot && (info.uid !== wanted.uid || info.gid !== wanted.gid)) {
    Deno.chownSync(wanted.path, wanted.uid, wanted.gid);
  }
  // Sticky and set-gid bits that a distribution added are left alone.
  if (((info.mode ?? 0) & 0o777) !== wanted.mode && (isRoot || info.uid === Deno.uid())) {
    Deno.chmodSync(wanted.path, wanted.mode | ((info.mode ?? 0) & 0o7000));
  }
}
