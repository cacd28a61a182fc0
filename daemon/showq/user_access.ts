import type { Config } from "../../core/config/types.ts";
import { messageOf } from "../../core/errors/mod.ts";
import { lookupUser } from "../../core/system/mod.ts";
import { matchList, type TableLog, TableSet } from "../../core/table/mod.ts";

/** Lists of users in main.cf that decide who may use a command. */
export type UserList = "authorized_mailq_users" | "authorized_flush_users" | "authorized_submit_users";

/** What a users' list says about somebody. */
export interface UserAccess {
  readonly allowed: boolean;
  /** Login name; `unknown` for a number without one. */
  readonly name: string;
}

/**
 * Decides whether a user is on a list. Root and the mail system's own user always are. A table that can't answer is a
 * "no". Throws `TableError` for a table that can't be opened.
 */
export async function userAccess(
  config: Config,
  list: UserList,
  uid: number,
  log: TableLog,
): Promise<UserAccess> {
  if (uid === 0) return { allowed: true, name: "root" };
  const patterns = config.string(list);
  // The default needs neither the user database nor a table.
  if (patterns.trim() === "static:anyone") return { allowed: true, name: String(uid) };
  const name = lookupUser(uid)?.name ?? "unknown";
  if (name === config.string("mail_owner")) return { allowed: true, name };
  const users = matchList("string", patterns, new TableSet(config, { log }), { name: list });
  try {
    return { allowed: await users.matches(name), name };
  } catch (error) {
    log.warning(`${list}: ${messageOf(error)}`);
    return { allowed: false, name };
  }
}
