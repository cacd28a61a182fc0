import { splitExtension } from "../../core/address/mod.ts";
import type { Config } from "../../core/config/types.ts";
import { lookupUser } from "../../core/system/mod.ts";
import { matchList, splitList, TableError, type TableSet } from "../../core/table/mod.ts";

/** Nobody is restricted: the default, which needs no table. */
const ANYTHING = "static:*";

/**
 * `local_login_sender_maps`: may the user with number `uid` use an envelope sender? The tables are asked for the login
 * name (`uid:NUMBER` where there is none) and give patterns: `*`, `<>`, `@domain`, addresses with or without extension.
 * A table that can't answer means no, and a line in the log.
 */
export function senderRights(
  config: Config,
  tables: () => TableSet,
  uid: number,
  warn: (text: string) => void,
): (sender: string) => boolean | Promise<boolean> {
  const maps = config.string("local_login_sender_maps").trim();
  if (maps === ANYTHING) return () => true;
  return async (sender) => {
    const login = lookupUser(uid)?.name ?? `uid:${uid}`;
    try {
      const list = tables().list(maps, {}, "local_login_sender_maps");
      const patterns = splitList((await list.lookup(login)) ?? "");
      return patterns.some((pattern) => fits(config, pattern.toLowerCase(), sender.toLowerCase()));
    } catch (error) {
      if (!(error instanceof TableError)) throw error;
      warn(`local_login_sender_maps lookup error for "${login}": ${error.message}`);
      return false;
    }
  };
}

function fits(config: Config, pattern: string, sender: string): boolean {
  if (pattern === "*") return true;
  if (sender === "") {
    return pattern === config.string("empty_address_local_login_sender_maps_lookup_key").toLowerCase();
  }
  if (pattern === sender) return true;
  const at = sender.lastIndexOf("@");
  const local = at < 0 ? sender : sender.slice(0, at);
  const domain = at < 0 ? "" : sender.slice(at);
  if (pattern.startsWith("@")) return pattern === domain;
  const split = splitExtension(local, {
    delimiters: config.string("recipient_delimiter"),
    ownerRequestSpecial: config.bool("owner_request_special"),
    doubleBounceSender: config.string("double_bounce_sender"),
  });
  return split !== undefined && pattern === split.user + domain;
}

/**
 * `authorized_submit_users`: undefined if the user may submit mail, else a sentence that says who may not. Nobody is
 * exempt, not even root. A table that can't answer means no, and a line in the log.
 */
export async function submitRefusal(
  config: Config,
  tables: () => TableSet,
  uid: number,
  warn: (text: string) => void,
): Promise<string | undefined> {
  const patterns = config.string("authorized_submit_users").trim();
  if (patterns === "static:anyone") return undefined;
  const name = lookupUser(uid)?.name ?? "unknown";
  try {
    const users = matchList("string", patterns, tables(), { name: "authorized_submit_users" });
    if (await users.matches(name)) return undefined;
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    warn(`authorized_submit_users: ${error.message}`);
  }
  return `User ${name}(${uid}) is not allowed to submit mail`;
}
