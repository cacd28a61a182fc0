import process from "node:process";
import type { Config } from "../../core/config/types.ts";
import { ConfigError } from "../../core/config/mod.ts";
import { createQueueDirectories } from "../../core/queue/mod.ts";
import {
  dropPrivileges,
  hasPcre,
  type Identity,
  lookupGroup,
  lookupUser,
  prepareUserLookups,
  userGroups,
} from "../../core/system/mod.ts";

/** True if this process may become anybody. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** The user that the mail system runs as. Throws `ConfigError` if main.cf names nobody or somebody unsuitable. */
export function mailOwner(config: Config): Identity {
  const name = config.string("mail_owner");
  const user = lookupUser(name);
  const origin = config.origin("mail_owner");
  if (user === undefined) {
    throw new ConfigError(`mail_owner = ${name}: there is no such user; create it`, origin);
  }
  if (user.uid === 0) throw new ConfigError(`mail_owner = ${name}: must not be root`, origin);
  const group = config.string("setgid_group");
  if (lookupGroup(group) === undefined) {
    throw new ConfigError(
      `setgid_group = ${group}: there is no such group; create it`,
      config.origin("setgid_group"),
    );
  }
  // The groups that the operator has made this user a member of count: that is how it gets to /etc/sasldb2.
  return { uid: user.uid, gid: user.gid, groups: userGroups(name, user.gid) };
}

/** Makes the queue and data directories with their owners and modes. Throws with the path that is in the way. */
export function prepareDirectories(config: Config): void {
  createQueueDirectories(config);
  const data = config.string("data_directory");
  Deno.mkdirSync(data, { recursive: true, mode: 0o700 });
  if (!isRoot()) return;
  Deno.chownSync(data, mailOwner(config).uid, null);
}

/**
 * Gives up root for good, and with it the runtime's right to run programs and to call C functions that are not bound
 * yet. Does nothing in a process that is not root.
 */
export function giveUpRoot(config: Config): void {
  if (!isRoot()) return;
  prepareUserLookups();
  // Pattern tables are compiled later, by a library that is found now or never.
  hasPcre();
  dropPrivileges(mailOwner(config));
  Deno.permissions.revokeSync({ name: "run" });
  Deno.permissions.revokeSync({ name: "ffi" });
}
