import { type Config, loadConfig } from "../../../core/config/mod.ts";

/** One mail system on this host. */
export interface Instance {
  /** Configuration directory. */
  readonly directory: string;
  /** `multi_instance_name`; empty if it has none. */
  readonly name: string;
  readonly group: string;
  readonly enabled: boolean;
  readonly primary: boolean;
  readonly config: Config;
}

/** Something that can't be done as asked; the message is the command's. */
export class MultiError extends Error {
  override readonly name = "MultiError";
}

function instanceOf(directory: string, primary: boolean): Instance {
  const config = loadConfig({ directory, programName: "postmulti" });
  return {
    directory,
    name: config.string("multi_instance_name"),
    group: config.string("multi_instance_group"),
    enabled: config.bool("multi_instance_enable"),
    primary,
    config,
  };
}

/**
 * The primary instance and those that its main.cf lists, in order. Throws `ConfigError` if one has no usable main.cf.
 * @param primary configuration directory of the primary instance
 */
export function loadInstances(primary: string): Instance[] {
  const first = instanceOf(primary, true);
  const directories = first.config.list("multi_instance_directories");
  // A mail system that is alone on its host needs no leave to run.
  if (directories.length === 0) return [{ ...first, enabled: true }];
  return [first, ...directories.map((directory) => instanceOf(directory, false))];
}

/** Which instances are meant: `-i` (name, directory, `-` for the primary one), `-g`, or all. */
export interface Selection {
  readonly name?: string | undefined;
  readonly group?: string | undefined;
}

/** Do `-i` and `-g` stand for an instance? Without both, all are meant. */
export function isSelected(instance: Instance, { name, group }: Selection): boolean {
  if (name !== undefined) {
    return name === "-" ? instance.primary : name === instance.name || name === instance.directory;
  }
  return group === undefined || group === instance.group;
}

/** `postmulti -l`. */
export function formatInstances(instances: readonly Instance[]): string {
  return instances.map(({ name, group, enabled, directory }) =>
    `${(name || "-").padEnd(15)} ${(group || "-").padEnd(15)} ${
      (enabled ? "y" : "n").padEnd(9)
    } ${directory}\n`
  ).join("");
}

/** `postmulti -jl`: one object a line. */
export function formatInstancesJson(instances: readonly Instance[]): string {
  return instances.map(({ name, group, enabled, directory }) =>
    JSON.stringify({ name: name || "-", group: group || "-", enabled, config_directory: directory }) + "\n"
  ).join("");
}

/** What commands that run for an instance find in their environment. */
export function environmentOf({ config, directory, name, group, enabled }: Instance): Record<string, string> {
  return {
    MAIL_CONFIG: directory,
    config_directory: directory,
    command_directory: config.string("command_directory"),
    daemon_directory: config.string("daemon_directory"),
    meta_directory: config.string("meta_directory"),
    shlib_directory: config.string("shlib_directory"),
    queue_directory: config.string("queue_directory"),
    data_directory: config.string("data_directory"),
    multi_instance_name: name,
    multi_instance_group: group,
    multi_instance_enable: enabled ? "yes" : "no",
  };
}
