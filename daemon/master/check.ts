/** Looks an installation over before it is started (postfix(1), `check`). */
import { ConfigError, readMasterFile } from "../../core/config/mod.ts";
import { prepareDirectories } from "./privileges.ts";
import type { AdminDeps } from "./admin.ts";
import { endpointsOf } from "./listen.ts";
import { roleOf } from "./plan.ts";

/** Makes missing directories, reads every file, says what is wrong. False if the mail system can't be started. */
export function checkInstallation({ config, log }: AdminDeps): boolean {
  try {
    const entries = readMasterFile(config);
    for (const entry of entries) {
      if (entry.type === "inet") endpointsOf(entry, config);
      if (roleOf(entry) === undefined) {
        log.warning(
          `${entry.origin.file}: line ${entry.origin.line}: service "${entry.name}": ` +
            `program "${entry.command}" is not part of this mail system; the entry is ignored`,
        );
      }
    }
    prepareDirectories(config);
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError) && !(error instanceof Error)) throw error;
    log.fatal(error.message);
    return false;
  }
}
