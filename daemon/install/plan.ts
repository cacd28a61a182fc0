/** What installing will do: a list of steps, made without changing anything. */
import { configFromText, loadConfig } from "../../core/config/mod.ts";
import { lookupGroup, lookupUser } from "../../core/system/mod.ts";
import { accountSteps } from "./accounts.ts";
import { DEFAULT_ALIASES, DEFAULT_MASTER_CF, defaultMainCf } from "./default_config.ts";
import { launcherVersion } from "./launcher.ts";
import { commandLinks, pageName, saslLinks, SENDMAIL_NAMES, systemPlaces } from "./layout.ts";
import { readManifest, sha256 } from "./manifest.ts";
import { manualPage, overviewPage } from "./manual.ts";
import { otherMailSystems } from "./other_mta.ts";
import { programSteps } from "./program.ts";
import { openrcScript, systemdUnit } from "./service_files.ts";
import { spoolStep } from "./spool.ts";
import { fileStep, linkStep, present } from "./steps.ts";
import type { Entry, InstallOptions, Step } from "./types.ts";

/** Prefixes of the system itself: what is below them is found by others. */
const SYSTEM_PREFIXES = ["/usr", "/usr/local"];
const ALIASES = "/etc/aliases";
const OPENRC = "/sbin/openrc-run";
const OPENRC_SCRIPT = "/etc/init.d/postel";

export interface InstallPlan {
  readonly steps: readonly Step[];
  /** What the administrator should know. */
  readonly notes: readonly string[];
  /** Paths where something of somebody else stands in the way: nothing may be installed. */
  readonly conflicts: readonly string[];
  /** What an earlier installation with the same prefix put in place. */
  readonly earlier: readonly Entry[];
}

/** Is what stands at a path ours to replace: made by an earlier installation, or a copy of this program? */
function isOurs(path: string, earlier: ReadonlySet<string>): boolean {
  if (earlier.has(path)) return true;
  try {
    const file = Deno.openSync(path, { read: true });
    try {
      const head = new Uint8Array(4096);
      return launcherVersion(head.subarray(0, file.readSync(head) ?? 0)) !== undefined;
    } finally {
      file.close();
    }
  } catch {
    return false;
  }
}

/** Works out the steps. Reads the system, changes nothing. Throws `ConfigError` if the present configuration is bad. */
export function planInstall(options: InstallOptions, version: string): InstallPlan {
  const { layout, commands } = options;
  const earlier = readManifest(layout.manifest);
  const earlierPaths = new Set(earlier.flatMap((entry) => "path" in entry ? [entry.path] : []));
  const isRoot = Deno.uid() === 0;
  const forSystem = isRoot && SYSTEM_PREFIXES.includes(layout.prefix);
  const notes = otherMailSystems();
  const conflicts: string[] = [];
  const steps: Step[] = [];
  const check = (path: string) => {
    if (present(path) !== undefined && !isOurs(path, earlierPaths)) conflicts.push(path);
  };
  const file = (path: string, text: string, mode?: number) => {
    check(path);
    steps.push(fileStep(path, text, mode));
  };

  check(layout.program);
  steps.push(...programSteps(options));
  const names = new Set(commands.map(({ name }) => name));
  for (const { path, target } of commandLinks(layout, names)) {
    check(path);
    steps.push(linkStep(path, target));
  }
  const linked = new Set<string>();
  for (const link of saslLinks(layout, names)) {
    const other = systemPlaces(link).find((path) =>
      present(path) !== undefined && !isOurs(path, earlierPaths)
    );
    if (other !== undefined) {
      notes.push(`${other} is Cyrus SASL's: "postel ${link.name}" is this program's`);
      continue;
    }
    linked.add(link.name);
    steps.push(linkStep(link.path, link.target));
  }
  if (forSystem) {
    for (const path of SENDMAIL_NAMES.filter((name) => name !== `${layout.prefix}/sbin/sendmail`)) {
      if (present(path) === undefined || earlierPaths.has(path)) {
        steps.push(linkStep(path, `${layout.prefix}/sbin/postel`));
      } else if (!isOurs(path, earlierPaths)) {
        notes.push(`${path} belongs to another program: programs that hand in mail there reach that one`);
      }
    }
  }
  file(`${layout.manual}/postel.1`, overviewPage(commands, version));
  for (const command of commands) {
    const page = pageName(command.name, linked);
    file(`${layout.manual}/${page}.1`, manualPage(page, command, version));
  }
  for (const [path, text] of options.completions) file(`${layout.prefix}/${path}`, text);
  file(layout.systemd, systemdUnit(layout));
  if (forSystem && present(OPENRC) !== undefined) file(OPENRC_SCRIPT, openrcScript(layout), 0o755);
  if (isRoot) addSystemSteps(options, steps, notes);
  else {notes.push(
      'not root: only the programs are installed; "postel init DIR" makes a mail system of your own',
    );}
  return { steps, notes, conflicts, earlier };
}

/** Builds the alias table with the program that was just installed. */
function aliasTableStep({ program, configuration }: InstallOptions["layout"]): Step {
  const path = `${ALIASES}.db`;
  return {
    text: `build ${path}`,
    act: (): Entry[] => {
      const { success, stderr } = new Deno.Command(program, {
        args: ["newaliases"],
        env: { MAIL_CONFIG: configuration },
        stdout: "null",
        stderr: "piped",
      }).outputSync();
      if (!success) throw new Error(`cannot build ${path}: ${new TextDecoder().decode(stderr).trim()}`);
      return [{ kind: "file", path, sha256: sha256(Deno.readFileSync(path)) }];
    },
  };
}

/** Configuration, accounts and directories: what only root can make. */
function addSystemSteps({ layout, createUsers }: InstallOptions, steps: Step[], notes: string[]): void {
  const mainCf = `${layout.configuration}/main.cf`;
  const masterCf = `${layout.configuration}/master.cf`;
  const isNew = present(mainCf) === undefined && present(masterCf) === undefined;
  if (isNew) {
    steps.push(fileStep(mainCf, defaultMainCf(layout)), fileStep(masterCf, DEFAULT_MASTER_CF));
    if (present(ALIASES) === undefined) steps.push(fileStep(ALIASES, DEFAULT_ALIASES));
    if (present(`${ALIASES}.db`) === undefined) steps.push(aliasTableStep(layout));
  } else {
    notes.push(`${layout.configuration} has a configuration: it stays as it is`);
  }
  const config = isNew
    ? configFromText(defaultMainCf(layout), { directory: layout.configuration })
    : loadConfig({ directory: layout.configuration });
  const owner = config.string("mail_owner");
  const group = config.string("setgid_group");
  if (createUsers) {
    steps.push(...accountSteps(owner, group, config.string("queue_directory")));
  } else if (lookupUser(owner) === undefined || lookupGroup(group) === undefined) {
    notes.push(
      `the user "${owner}" or the group "${group}" is missing, so the directories for mail are not made: ` +
        "run this again with --create-users",
    );
    return;
  }
  steps.push(spoolStep(config));
}
