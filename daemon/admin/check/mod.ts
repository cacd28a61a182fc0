/**
 * Looks an installation over (postfix(1), `check`): first what would keep the mail system from running, then what is
 * suspicious. Every finding says what to do about it. Only fatal ones stop a start.
 */
import { type Config, ConfigError } from "../../../core/config/mod.ts";
import { prepareDirectories, runningMasterOf } from "../../master/mod.ts";
import { fatal, type Finding } from "../finding.ts";
import { checkAccess } from "./access.ts";
import { checkCertificates } from "./certificates.ts";
import { checkClasses } from "./classes.ts";
import { checkOwnership, checkQueueFiles } from "./ownership.ts";
import { checkPorts } from "./ports.ts";
import { checkTables } from "./tables.ts";
import { checkNames, checkServices, checkValues } from "./values.ts";

export { checkQueueFiles } from "./ownership.ts";

/**
 * Everything that can be found without changing anything.
 * @param withQueueFiles with a look at every file in the queue
 */
export async function inspectInstallation(config: Config, withQueueFiles = true): Promise<Finding[]> {
  const values = checkValues(config);
  // What follows reads the same values and would only fail again.
  if (values.length > 0) return values;
  try {
    return [
      ...checkServices(config),
      ...checkNames(config),
      ...checkOwnership(config),
      ...(withQueueFiles ? checkQueueFiles(config) : []),
      ...checkTables(config),
      ...await checkClasses(config),
      ...await checkAccess(config),
      ...checkCertificates(config),
      ...(runningMasterOf(config) === undefined ? checkPorts(config) : []),
    ];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [fatal(error.message)];
  }
}

/** What is said of an installation goes here. */
export interface CheckDeps {
  readonly config: Config;
  readonly log: { warning(text: string): void; fatal(text: string): void };
}

/**
 * The same, said in the log; then makes queue and data directories that are missing.
 * @returns false if the mail system can't be started like this
 */
export async function checkInstallation({ config, log }: CheckDeps, withQueueFiles = true): Promise<boolean> {
  const findings = await inspectInstallation(config, withQueueFiles);
  for (const { severity, text } of findings) log[severity](text);
  if (findings.some(({ severity }) => severity === "fatal")) return false;
  try {
    prepareDirectories(config);
    return true;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    log.fatal(error.message);
    return false;
  }
}
