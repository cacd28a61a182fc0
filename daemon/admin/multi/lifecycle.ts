import { existsSync, rmdirSync, rmSync } from "node:fs";
import { basename, dirname } from "node:path";
import { editMain } from "../../../core/config/edit/mod.ts";
import { loadConfig } from "../../../core/config/mod.ts";
import { NEW_FILES } from "../../../core/queue/mod.ts";
import { isRoot, runningMasterOf } from "../../master/mod.ts";
import { setPermissions } from "../permissions.ts";
import { OWN_QUEUES, SOCKET_DIRECTORIES } from "../queue_directories.ts";
import type { Logger } from "../../../core/log/mod.ts";
import { type Instance, isSelected, MultiError } from "./instances.ts";
import { DIRECTORIES, type Directories, makeConfiguration } from "./new_configuration.ts";

/** What `postmulti -e` was given. */
export interface LifecycleRequest {
  readonly action: string;
  /** `-i`, `-g`, `-a`: an existing instance, or the place of a new one. */
  readonly name?: string | undefined;
  readonly group?: string | undefined;
  readonly first: boolean;
  /** `-I` and `-G`. */
  readonly newName?: string | undefined;
  readonly newGroup?: string | undefined;
  /** `param=value`. */
  readonly settings: readonly string[];
}

export interface LifecycleDeps {
  readonly instances: readonly Instance[];
  /** In the name of `postfix/postmulti-script`. */
  readonly log: Logger;
}

const ACTIONS = ["create", "destroy", "import", "deport", "enable", "disable", "assign", "init"];

/** What is left of an instance's queue when its mail is gone. */
const QUEUE_DIRECTORIES = [...OWN_QUEUES, ...SOCKET_DIRECTORIES, "maildrop", "pid", "postel"];

/** A text that the mail log gets in the name of postmulti-script. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";
}

/**
 * Does one `postmulti -e` action. Throws `MultiError` for what postmulti(1) refuses and `ScriptError` for what its script
 * does; nothing is changed then.
 */
export function performLifecycle(deps: LifecycleDeps, request: LifecycleRequest): number {
  const { action } = request;
  if (!ACTIONS.includes(action)) {
    throw new MultiError(
      `Invalid '-e' edit action '${action}'. Specify 'create', 'destroy', 'import', 'deport', 'enable', 'disable', ` +
        `'assign' or 'init'`,
    );
  }
  const primary = deps.instances[0]!;
  const edit = (directory: string, set: Record<string, string>) =>
    editMain(directory, { set: new Map(Object.entries(set)) }, (text) => deps.log.warning(text));
  if (action === "create" || action === "import") return addInstance(deps, request, edit);
  if (request.settings.length > 0) {
    throw new MultiError(`Parameter overrides not valid with '-e ${action}'`);
  }
  if (action === "init") {
    edit(primary.directory, {
      multi_instance_wrapper: "${command_directory}/postmulti -p --",
      multi_instance_enable: "yes",
    });
    return 0;
  }
  if (request.name === undefined) throw new MultiError("Select an instance via '-i name'");
  const target = deps.instances.find((instance) => isSelected(instance, { name: request.name }));
  if (target === undefined) throw new MultiError(`No instance named ${request.name}`);
  if (action === "assign") {
    if (request.newName === undefined && request.newGroup === undefined) {
      throw new MultiError("Specify new instance name or group with '-e assign'");
    }
    checkNewName(request, deps.instances.filter((other) => other !== target));
  }
  if (action === "destroy" || action === "deport") {
    if (target.primary) throw new MultiError("Cannot remove the primary instance");
    if (target.enabled) throw new MultiError("Cannot remove enabled instances");
  }
  requireInit(primary);
  switch (action) {
    case "enable":
    case "disable":
      edit(target.directory, { multi_instance_enable: action === "enable" ? "yes" : "no" });
      return 0;
    case "assign":
      edit(target.directory, nameSettings(request));
      return 0;
    case "deport":
      return removeInstance(deps, target, edit, true);
    default:
      removeInstance(deps, target, edit, false);
      return destroyFiles(deps, target);
  }
}

type Edit = (directory: string, set: Record<string, string>) => void;

function requireInit(primary: Instance): void {
  if (primary.config.string("multi_instance_wrapper") === "") {
    throw new ScriptError("multi_instance_wrapper is empty, run 'postmulti -e init' first.");
  }
  if (!primary.config.bool("multi_instance_enable")) {
    throw new ScriptError("multi_instance_enable!=yes, run 'postmulti -e init' first.");
  }
}

function nameSettings({ newName, newGroup }: LifecycleRequest): Record<string, string> {
  return {
    ...(newName === undefined ? {} : { multi_instance_name: newName === "-" ? "" : newName }),
    ...(newGroup === undefined ? {} : { multi_instance_group: newGroup === "-" ? "" : newGroup }),
  };
}

function checkNewName({ newName }: LifecycleRequest, others: readonly Instance[]): void {
  if (newName === undefined || newName === "-") return;
  if (!newName.startsWith("postfix-")) throw new MultiError("New instance name must start with 'postfix-'");
  if (newName.includes("/")) {
    throw new MultiError(`Illegal '/' character in new instance name: '${newName}'`);
  }
  if (/\s/.test(newName)) throw new MultiError(`White space in new instance name: '${newName}'`);
  const taken = others.find(({ name }) => name === newName);
  if (taken !== undefined) {
    throw new MultiError(
      `new multi_instance_name=${newName} is already in use by instance ${taken.directory}, ` +
        `multi_instance_name=${newName}`,
    );
  }
}

/** The directories of a new instance: as given, else the primary one's with the new name at the end. */
function newDirectories(primary: Instance, request: LifecycleRequest): Directories {
  const given: Partial<Directories> = {};
  for (const setting of request.settings) {
    const equals = setting.indexOf("=");
    if (equals < 1) throw new MultiError(`Malformed parameter setting '${setting}'`);
    const name = setting.slice(0, equals);
    const known = DIRECTORIES.find((each) => each === name);
    if (known === undefined || (request.action === "import" && known !== "config_directory")) {
      throw new MultiError(`Parameter '${name}' not valid with action ${request.action}`);
    }
    const value = setting.slice(equals + 1);
    if (!value.startsWith("/")) throw new MultiError(`Parameter setting '${name}' is not an absolute path`);
    given[known] = value;
  }
  const { newName } = request;
  const derived = (name: (typeof DIRECTORIES)[number]): string => {
    const value = given[name];
    if (value !== undefined) return value;
    if (newName === undefined || newName === "-") throw new MultiError(`Missing ${name} parameter value`);
    const original = name === "config_directory" ? primary.directory : primary.config.string(name);
    return `${dirname(original)}/${newName}`;
  };
  const configDirectory = derived("config_directory");
  if (isComplete(configDirectory)) {
    const existing = loadConfig({ directory: configDirectory });
    return {
      config_directory: configDirectory,
      queue_directory: existing.string("queue_directory"),
      data_directory: existing.string("data_directory"),
    };
  }
  if (request.action === "import") {
    const lacking = existsSync(`${configDirectory}/main.cf`) ? "master.cf" : "main.cf";
    throw new ScriptError(`'${configDirectory}' lacks a ${lacking} file`);
  }
  return {
    config_directory: configDirectory,
    queue_directory: derived("queue_directory"),
    data_directory: derived("data_directory"),
  };
}

function isComplete(directory: string): boolean {
  return existsSync(`${directory}/main.cf`) && existsSync(`${directory}/master.cf`);
}

function checkConflicts(wanted: Directories, instances: readonly Instance[]): void {
  for (const instance of instances) {
    const { directory, config } = instance;
    if (directory === wanted.config_directory) {
      throw new MultiError(
        `new config_directory=${directory} is already in use by instance ${directory}, config_directory=${directory}`,
      );
    }
    for (const name of ["queue_directory", "data_directory"] as const) {
      if (config.string(name) !== wanted[name]) continue;
      throw new MultiError(
        `instance ${wanted.config_directory}, ${name}=${
          wanted[name]
        } conflicts with instance ${directory}, ` +
          `${name}=${wanted[name]}`,
      );
    }
  }
}

function addInstance(deps: LifecycleDeps, request: LifecycleRequest, edit: Edit): number {
  const { instances, log } = deps;
  const primary = instances[0]!;
  checkNewName(request, []);
  const wanted = newDirectories(primary, request);
  checkConflicts(wanted, instances);
  checkNewName(request, instances);
  requireInit(primary);
  const secondary = instances.slice(1);
  const before = request.first
    ? 0
    : request.name === undefined && request.group === undefined
    ? secondary.length
    : secondary.findIndex((instance) => isSelected(instance, request));
  if (before < 0) throw new MultiError("No matching secondary instances");
  if (!isComplete(wanted.config_directory)) makeConfiguration(primary, wanted, log);
  const names = nameSettings(request);
  if (Object.keys(names).length > 0) edit(wanted.config_directory, names);
  const directories = secondary.map(({ directory }) => directory);
  directories.splice(before, 0, wanted.config_directory);
  edit(primary.directory, listSettings(primary, directories, wanted.config_directory, false));
  const config = loadConfig({ directory: wanted.config_directory });
  return isRoot() ? setPermissions({ config, log }) : 0;
}

/** The primary instance's lists after a change. */
function listSettings(
  primary: Instance,
  directories: readonly string[],
  changed: string,
  alternate: boolean,
): Record<string, string> {
  const known = primary.config.list("alternate_config_directories");
  const kept = known.filter((directory) => directory !== changed);
  const isKnown = kept.length < known.length;
  return {
    multi_instance_directories: directories.join(" "),
    ...(alternate && !isKnown
      ? { alternate_config_directories: [...kept, changed].join(" ") }
      : !alternate && isKnown
      ? { alternate_config_directories: kept.join(" ") }
      : {}),
  };
}

function removeInstance(deps: LifecycleDeps, target: Instance, edit: Edit, alternate: boolean): number {
  if (runningMasterOf(target.config) !== undefined) {
    throw new ScriptError(`Instance '${target.directory}' is not stopped`);
  }
  const primary = deps.instances[0]!;
  const directories = deps.instances.slice(1).filter((instance) => instance !== target).map(({ directory }) =>
    directory
  );
  edit(primary.directory, listSettings(primary, directories, target.directory, alternate));
  return 0;
}

/** Removes what this program made and nothing else: directories go only when they are empty. */
function destroyFiles({ log }: LifecycleDeps, target: Instance): number {
  const queue = target.config.string("queue_directory");
  const data = target.config.string("data_directory");
  const remove = (path: string) => {
    try {
      rmdirSync(path);
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return;
      log.warning(`${path}: please verify contents and remove by hand`);
    }
  };
  rmSync(`${queue}/pid/master.pid`, { force: true });
  rmSync(`${data}/master.lock`, { force: true });
  rmSync(`${queue}/${NEW_FILES}`, { recursive: true, force: true });
  for (const name of QUEUE_DIRECTORIES) remove(`${queue}/${name}`);
  remove(data);
  remove(queue);
  rmSync(`${target.directory}/master.cf`, { force: true });
  rmSync(`${target.directory}/main.cf`, { force: true });
  if (basename(target.directory) !== "") remove(target.directory);
  return 0;
}
