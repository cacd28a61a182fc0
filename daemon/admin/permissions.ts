import { chmodSync, chownSync, lchownSync, lstatSync, readdirSync } from "node:fs";
import { messageOf } from "../../core/errors/mod.ts";
import { isRoot, mailOwner, prepareDirectories } from "../master/mod.ts";
import type { AdminDeps } from "./actions.ts";
import { OWN_QUEUES } from "./queue_directories.ts";

function ownTree(path: string, uid: number): void {
  lchownSync(path, uid, lstatSync(path).gid);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) ownTree(`${path}/${name}`, uid);
}

/**
 * `postfix set-permissions`: owners and modes of the configuration files, the queue and the data directory. The program's
 * own files are the package's; none of them must ever be set-user-id or set-group-id here.
 */
export function setPermissions({ config, log }: AdminDeps): number {
  if (!isRoot()) {
    log.fatal("set-permissions changes owners, which only root can do");
    return 1;
  }
  try {
    prepareDirectories(config);
    const { uid } = mailOwner(config);
    const queue = config.string("queue_directory");
    for (const name of OWN_QUEUES) ownTree(`${queue}/${name}`, uid);
    ownTree(config.string("data_directory"), uid);
    chmodSync(config.string("data_directory"), 0o700);
    chownSync(config.directory, 0, 0);
    chmodSync(config.directory, 0o755);
    for (const name of ["main.cf", "master.cf"]) {
      lchownSync(`${config.directory}/${name}`, 0, 0);
      chmodSync(`${config.directory}/${name}`, 0o644);
    }
    return 0;
  } catch (error) {
    log.fatal(messageOf(error));
    return 1;
  }
}
