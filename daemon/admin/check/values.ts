import {
  type Config,
  ConfigError,
  parameterTable,
  readMasterFile,
  serviceConfig,
} from "../../../core/config/mod.ts";
import { ConfigSession } from "../../../core/config/show/mod.ts";
import { endpointsOf, requireUsable, roleOf } from "../../master/mod.ts";
import { fatal, type Finding, warning } from "../finding.ts";
import { nearName } from "../near_name.ts";

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

/** Values of main.cf and master.cf that can't be read as what they are. */
export function checkValues(config: Config): Finding[] {
  const findings: Finding[] = [];
  const attempt = (action: () => void) => {
    try {
      action();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      findings.push(fatal(error.message));
    }
  };
  for (const name of config.names()) attempt(() => readValue(config, name));
  if (findings.length === 0) attempt(() => requireUsable(config));
  attempt(() => {
    for (const entry of readMasterFile(config)) {
      const service = serviceConfig(config, entry);
      for (const [name] of entry.overrides) attempt(() => readValue(service, name));
      if (entry.type === "inet") attempt(() => void endpointsOf(entry, service));
    }
  });
  return findings;
}

/** Entries of master.cf that nobody serves, and services that others need. */
export function checkServices(config: Config): Finding[] {
  const findings: Finding[] = [];
  const entries = readMasterFile(config, (text) => {
    // checkNames tells of the others.
    if (text.startsWith("duplicate ")) findings.push(warning(text));
  });
  for (const entry of entries) {
    if (roleOf(entry) !== undefined) continue;
    findings.push(warning(
      `${entry.origin.file}: line ${entry.origin.line}: service "${entry.name}": ` +
        `program "${entry.command}" is not part of this mail system; the entry is ignored`,
    ));
  }
  const hasPostlog = entries.some(({ name, type }) => name === "postlog" && type === "unix-dgram");
  if (config.string("maillog_file") !== "" && !hasPostlog) {
    findings.push(warning("missing 'postlog' service in master.cf - run 'postfix upgrade-configuration'"));
  }
  return findings;
}

/** Names that mean nothing, deprecated ones, and what else postconf(1) warns of; with the name that was meant. */
export function checkNames(config: Config): Finding[] {
  const findings: Finding[] = [];
  const known = parameterTable.all.map(({ name }) => name);
  const session = new ConfigSession(config.directory, "-c", "main", [], (text) => {
    const unused = /: unused parameter: ([^=]+)=/.exec(text)?.[1];
    const meant = unused === undefined ? undefined : nearName(unused, known);
    findings.push(warning(meant === undefined ? text : `${text}: did you mean ${meant}?`));
  });
  session.warnOfUnused({ main: true, master: true });
  return findings;
}
