/** Looks an installation over before it is started (postfix(1), `check`). */
import {
  type Config,
  ConfigError,
  parameterTable,
  readMasterFile,
  serviceConfig,
} from "../../core/config/mod.ts";
import type { AdminDeps } from "./admin.ts";
import { endpointsOf } from "./listen.ts";
import { roleOf } from "./plan.ts";
import { prepareDirectories } from "./privileges.ts";

/** Reads a value as its type. Throws `ConfigError` with file and line. */
function readValue(config: Config, name: string): void {
  switch ((parameterTable.find(name) ?? parameterTable.findDerived(name))?.type) {
    case "bool":
    case "nbool":
      config.bool(name);
      break;
    case "int":
    case "nint":
    case "long":
      config.int(name);
      break;
    case "time":
      config.seconds(name);
      break;
    case "raw":
      break;
    default:
      config.string(name);
  }
}

/** Everything that is wrong with what the files set, one sentence each. */
function problemsOf(config: Config): string[] {
  const problems: string[] = [];
  const attempt = (action: () => void) => {
    try {
      action();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(error.message);
    }
  };
  for (const name of config.names()) attempt(() => readValue(config, name));
  for (const entry of readMasterFile(config)) {
    const service = serviceConfig(config, entry);
    for (const [name] of entry.overrides) attempt(() => readValue(service, name));
    if (entry.type === "inet") attempt(() => void endpointsOf(entry, service));
  }
  return problems;
}

/** Makes missing directories, reads every file, says what is wrong. False if the mail system can't be started. */
export function checkInstallation({ config, log }: AdminDeps): boolean {
  try {
    for (const entry of readMasterFile(config)) {
      if (roleOf(entry) !== undefined) continue;
      log.warning(
        `${entry.origin.file}: line ${entry.origin.line}: service "${entry.name}": ` +
          `program "${entry.command}" is not part of this mail system; the entry is ignored`,
      );
    }
    const problems = problemsOf(config);
    for (const problem of problems) log.fatal(problem);
    if (problems.length > 0) return false;
    prepareDirectories(config);
    return true;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    log.fatal(error.message);
    return false;
  }
}
