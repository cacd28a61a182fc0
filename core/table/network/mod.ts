/**
 * Lookup tables that live behind a server: LDAP, MySQL, PostgreSQL, memcache, Redis, MongoDB, and the protocols of
 * tcp_table(5) and socketmap_table(5).
 *
 * A type's module, and with it the client package, is loaded when a table of that type is first used; connections are made
 * at the first lookup, kept while they are useful and replaced when a server goes away. "Not found" is undefined, a server
 * that can't answer now is a temporary `TableError`, and what only a person can mend is one of kind `configuration`.
 * Messages name servers, never passwords.
 */
import type { Opener } from "../context.ts";

/** Loads what opens tables of a type, by type. */
export const networkTypes: ReadonlyMap<string, () => Promise<Opener>> = new Map<
  string,
  () => Promise<Opener>
>([
  ["ldap", () => import("./ldap.ts").then((module) => module.openLdap)],
  ["memcache", () => import("./memcache.ts").then((module) => module.openMemcache)],
  ["mongodb", () => import("./mongodb.ts").then((module) => module.openMongodb)],
  ["mysql", () => import("./mysql.ts").then((module) => module.loadMysql())],
  ["pgsql", () => import("./pgsql.ts").then((module) => module.openPgsql)],
  ["redis", () => import("./redis.ts").then((module) => module.openRedis)],
  ["socketmap", () => import("./socketmap.ts").then((module) => module.openSocketmap)],
  ["tcp", () => import("./tcp.ts").then((module) => module.openTcp)],
]);

/** Types whose servers can delete keys. */
export const removableTypes: ReadonlySet<string> = new Set(["memcache"]);

/** Types of which partial keys (a domain, a user name) are not asked. */
export const wholeKeyTypes: ReadonlySet<string> = new Set(["socketmap", "tcp"]);
