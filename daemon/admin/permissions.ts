import { chmodSync, chownSync, lchownSync, lstatSync, readdirSync } from "node:fs";
import { type Config, ConfigError, masterEntriesFromText, readConfigFile } from "../../core/config/mod.ts";
import { editMaster } from "../../core/config/edit/mod.ts";
import { parseMasterRow } from "../../core/config/show/mod.ts";
import { isRoot, mailOwner, prepareDirectories } from "../master/mod.ts";
import type { AdminDeps } from "./actions.ts";

/** Queue directories whose files belong to the mail system too. */
const RECURSIVE = [
  "active",
  "bounce",
  "corrupt",
  "defer",
  "deferred",
  "flush",
  "hold",
  "incoming",
  "saved",
  "trace",
];

/** Services that a complete master.cf has, as their entries are written in it. */
export const completeServices: readonly string[] = [
  "pickup unix n - n 60 1 pickup",
  "cleanup unix n - n - 0 cleanup",
  "qmgr unix n - n 300 1 qmgr",
  "tlsmgr unix - - n 1000? 1 tlsmgr",
  "rewrite unix - - n - - trivial-rewrite",
  "bounce unix - - n - 0 bounce",
  "defer unix - - n - 0 bounce",
  "trace unix - - n - 0 bounce",
  "verify unix - - n - 1 verify",
  "flush unix n - n 1000? 0 flush",
  "proxymap unix - - n - - proxymap",
  "proxywrite unix - - n - 1 proxymap",
  "smtp unix - - n - - smtp",
  "relay unix - - n - - smtp",
  "showq unix n - n - - showq",
  "error unix - - n - - error",
  "retry unix - - n - - error",
  "discard unix - - n - - discard",
  "local unix - n n - - local",
  "virtual unix - n n - - virtual",
  "lmtp unix - - n - - lmtp",
  "anvil unix - - n - 1 anvil",
  "scache unix - - n - 1 scache",
  "postlog unix-dgram n - n - 1 postlogd",
];

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
    for (const name of RECURSIVE) ownTree(`${queue}/${name}`, uid);
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
    log.fatal(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

/** The services that master.cf lacks, as entries. A service in a comment counts as missing, as it has no effect. */
export function missingServices(config: Config): string[] {
  const path = `${config.directory}/master.cf`;
  const present = new Set(
    masterEntriesFromText(readConfigFile(path), path, config).map(({ name, type }) => `${name}/${type}`),
  );
  return completeServices.filter((line) => {
    const [name, type] = line.split(" ");
    // pickup and qmgr were FIFOs in old files.
    return !present.has(`${name}/${type}`) && !present.has(`${name}/fifo`);
  });
}

/** `postfix upgrade-configuration`: adds the services that newer releases need to master.cf. */
export function upgradeConfiguration({ config, log }: AdminDeps, print: (line: string) => void): number {
  try {
    const missing = missingServices(config);
    for (const line of missing) {
      const [service = "", type = ""] = line.split(" ");
      print(`Editing ${config.directory}/master.cf, adding missing entry for ${service} ${type} service`);
    }
    if (missing.length > 0) {
      editMaster(
        config.directory,
        missing.map((line) => {
          const [service = "", type = ""] = line.split(" ");
          const row = parseMasterRow(line, (text) => log.warning(text));
          if (row === undefined) throw new ConfigError(`bad entry: ${line}`);
          return { kind: "entry", service, type, request: line, row } as const;
        }),
        (text) => log.warning(text),
      );
    }
    prepareDirectories(config);
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    log.fatal(error.message);
    return 1;
  }
}
