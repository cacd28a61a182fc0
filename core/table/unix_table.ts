import { lookupGroup, lookupUser } from "../system/mod.ts";
import type { OpenContext } from "./context.ts";
import { type Table, TableError } from "./types.ts";

/** `unix:passwd.byname` and `unix:group.byname`: the system's users and groups as lines of those files. */
export function openUnix(context: OpenContext): Table {
  const { type, name } = context;
  const lookup = name === "passwd.byname" ? passwdLine : name === "group.byname" ? groupLine : undefined;
  if (lookup === undefined) throw new TableError("configuration", `unknown table: ${type}:${name}`);
  return { type, name, matchesPatterns: false, lookup, close() {} };
}

function passwdLine(key: string): string | undefined {
  const user = lookupUser(key);
  if (user === undefined) return undefined;
  const { name, password, uid, gid, gecos, home, shell } = user;
  return [name, password, uid, gid, gecos, home, shell].join(":");
}

function groupLine(key: string): string | undefined {
  const group = lookupGroup(key);
  if (group === undefined) return undefined;
  return [group.name, group.password, group.gid, group.members.join(",")].join(":");
}
