import type { MasterEntry } from "../../core/config/types.ts";

/**
 * The processes that services are put into. `front` talks to the network, `queue` owns the queue and the clients,
 * `delivery` acts with recipients' rights.
 */
export type Role = "front" | "queue" | "delivery";

export const ALL_ROLES: readonly Role[] = ["queue", "delivery", "front"];

const ROLE_OF_COMMAND: Readonly<Record<string, Role>> = {
  smtpd: "front",
  pickup: "queue",
  cleanup: "queue",
  qmgr: "queue",
  oqmgr: "queue",
  "trivial-rewrite": "queue",
  bounce: "queue",
  verify: "queue",
  flush: "queue",
  showq: "queue",
  smtp: "queue",
  lmtp: "queue",
  error: "queue",
  discard: "queue",
  anvil: "queue",
  proxymap: "queue",
  scache: "queue",
  tlsmgr: "queue",
  postlogd: "queue",
  local: "delivery",
  virtual: "delivery",
  pipe: "delivery",
  spawn: "delivery",
};

/** In which process an entry of master.cf runs; undefined for a program that Postel does not have. */
export function roleOf(entry: MasterEntry): Role | undefined {
  return ROLE_OF_COMMAND[entry.command];
}

/** The roles that a master.cf needs, in the order in which they are started: the queue before what feeds it. */
export function rolesNeeded(entries: readonly MasterEntry[]): Role[] {
  const needed = new Set(entries.map(roleOf));
  return ALL_ROLES.filter((role) => role === "queue" || needed.has(role));
}
