/** The configuration as one service of master.cf sees it. */
import { Snapshot } from "./snapshot.ts";
import type { Config, MasterEntry } from "./types.ts";

/** main.cf with the entry's `-o` settings, and `$service_name` standing for the entry's first column. */
export function serviceConfig(config: Config, entry: MasterEntry): Config {
  if (!(config instanceof Snapshot)) {
    throw new TypeError("serviceConfig needs a configuration made by this room");
  }
  return config.derive({
    overrides: entry.overrides,
    origin: entry.origin,
    fixed: [["service_name", entry.name], ["process_name", entry.command]],
  });
}
