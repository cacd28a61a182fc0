/** The cleanup services of a snapshot: master.cf may have several, each with settings of its own. */
import { type Config, ConfigError } from "../../core/config/mod.ts";
import { type CleanupDeps, type CleanupService, createCleanup } from "../cleanup/mod.ts";
import type { Snapshot } from "./snapshot.ts";

/** They are made when they are first asked for, and kept. Both throw what `createCleanup` throws. */
export interface Cleanups {
  /** The one that a service's `cleanup_service_name` names. Throws `ConfigError` for a name that master.cf has not. */
  for(config: Config): CleanupService;
  /** The one of a name in master.cf; undefined if there is none. */
  named(name: string): CleanupService | undefined;
}

/** @param deps what all of them share */
export function cleanupsOf(
  snapshot: Snapshot,
  deps: Pick<CleanupDeps, "queue" | "onQueued" | "bounce" | "deliverable">,
): Cleanups {
  const made = new Map<string, CleanupService>();

  function named(name: string): CleanupService | undefined {
    const known = made.get(name);
    if (known !== undefined) return known;
    const listed = snapshot.entries.some((entry) => entry.command === "cleanup" && entry.name === name);
    // The usual one works inside this process; without an entry it only has no socket.
    if (!listed && name !== "cleanup") return undefined;
    const { config, rewriting, log } = snapshot.views.ofProgram("cleanup", name);
    const service = createCleanup({ ...deps, config, tables: snapshot.tables, rewriting, log });
    made.set(name, service);
    return service;
  }

  return {
    named,
    for(config) {
      const name = config.string("cleanup_service_name");
      const service = named(name);
      if (service !== undefined) return service;
      throw new ConfigError(
        `cleanup_service_name = ${name}: master.cf has no cleanup service of that name`,
        config.origin("cleanup_service_name"),
      );
    },
  };
}
