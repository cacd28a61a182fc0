/** The cleanup services of a snapshot: master.cf may have several, each with settings of its own. */
import { createRewriting } from "../../core/address/mod.ts";
import { type Config, ConfigError, type MasterEntry } from "../../core/config/mod.ts";
import type { LogSink } from "../../core/log/mod.ts";
import { type CleanupDeps, type CleanupService, createCleanup } from "../cleanup/mod.ts";
import { type Snapshot, viewOf } from "./snapshot.ts";
import { verboseRewriting } from "./verbose.ts";

/** They are made when they are first asked for, and kept. Both throw what `createCleanup` throws. */
export interface Cleanups {
  /** The one that a service's `cleanup_service_name` names. Throws `ConfigError` for a name that master.cf has not. */
  for(config: Config): CleanupService;
  /** The one of an entry of master.cf. */
  of(entry: MasterEntry): CleanupService;
}

/** @param deps what all of them share */
export function cleanupsOf(
  snapshot: Snapshot,
  sink: LogSink,
  deps: Pick<CleanupDeps, "queue" | "onQueued" | "bounce" | "deliverable">,
): Cleanups {
  const made = new Map<MasterEntry | undefined, CleanupService>();
  const of = (entry: MasterEntry | undefined) => {
    const service = made.get(entry) ?? createCleanup({ ...deps, ...ownView(snapshot, sink, entry) });
    made.set(entry, service);
    return service;
  };
  return {
    of,
    for(config) {
      const name = config.string("cleanup_service_name");
      const entry = snapshot.entries.find((each) => each.command === "cleanup" && each.name === name);
      // The usual one works inside this process; without an entry it only has no socket.
      if (entry !== undefined || name === "cleanup") return of(entry);
      throw new ConfigError(
        `cleanup_service_name = ${name}: master.cf has no cleanup service of that name`,
        config.origin("cleanup_service_name"),
      );
    },
  };
}

/** What depends on the entry of master.cf. */
function ownView(
  snapshot: Snapshot,
  sink: LogSink,
  entry: MasterEntry | undefined,
): Pick<CleanupDeps, "config" | "tables" | "rewriting" | "log"> {
  const { tables, addressing } = snapshot;
  if (entry === undefined) return { ...snapshot, log: snapshot.logAs("cleanup") };
  const { config, log } = viewOf(snapshot, entry, sink);
  const rewriting = entry.overrides.length === 0
    ? snapshot.rewriting
    : verboseRewriting(createRewriting({ config, tables, addressing, log }), log);
  return { config, tables, rewriting, log };
}
