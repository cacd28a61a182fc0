/** What the command words of postfix(1) do: the checks before a start, and the calls of the rooms that do the work. */
import process from "node:process";
import type { Config } from "../core/config/mod.ts";
import * as admin from "../daemon/admin/mod.ts";
import { QueueNotChecked } from "../daemon/master/mod.ts";

/** One call of postfix(1). */
export interface Invocation {
  readonly operands: readonly string[];
  readonly deps: admin.AdminDeps;
}

type Action = (invocation: Invocation) => Promise<number> | number;

const print = (line: string) => console.log(line);

function say(text: string): number {
  print(text);
  return 0;
}

/** Looks the installation over; an exit code if it can't be used. */
async function checked({ deps }: Invocation, withQueueFiles: boolean): Promise<number | undefined> {
  const { checkInstallation } = await import("../daemon/admin/check/mod.ts");
  if (await checkInstallation(deps, withQueueFiles)) {
    const { settingsWithoutEffect } = await import("../daemon/adopt/mod.ts");
    for (const text of settingsWithoutEffect(deps.config)) deps.log.warning(text);
    return undefined;
  }
  deps.log.fatal("Postfix integrity check failed!");
  return 1;
}

/** Was the last stop a `quick-stop`? Then this start makes no checks; the mark that says so is used up. */
function isQuickStart({ deps }: Invocation): boolean {
  try {
    Deno.removeSync(quickStartMark(deps.config));
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

/** The file that says that the next start may leave out the checks. */
function quickStartMark(config: Config): string {
  return `${config.string("queue_directory")}/quick-start`;
}

/** Misnamed queue files would be lost to the mail system: they get their right names before it starts. */
function queueChecked({ deps }: Invocation): number | undefined {
  if (admin.repairQueue(deps) === 0) return undefined;
  deps.log.fatal("Postfix integrity check failed!");
  return 1;
}

/** The same while the mail system starts. Rejects if it must not. */
async function checkQueueMeanwhile({ deps }: Invocation): Promise<void> {
  if (await admin.repairQueueMeanwhile(deps) === 0) return;
  deps.log.fatal("Postfix integrity check failed!");
  throw new QueueNotChecked();
}

/** Says what is wrong with single queue files, once the mail system runs: a hundred thousand take half a second. */
async function sayForeignFiles({ deps }: Invocation): Promise<void> {
  const { checkQueueFiles } = await import("../daemon/admin/check/mod.ts");
  for (const { text } of checkQueueFiles(deps.config)) deps.log.warning(text);
}

/** What each command word does. */
const ACTIONS: Readonly<Record<string, Action>> = {
  start: async (invocation) => {
    const { deps } = invocation;
    if (admin.isRunning(deps)) return admin.alreadyRunning(deps);
    if (isQuickStart(invocation)) return await admin.start(deps, false);
    const code = await checked(invocation, false) ?? await admin.start(deps, true);
    if (code === 0) await sayForeignFiles(invocation);
    return code;
  },
  "start-fg": async (invocation) => {
    const { deps } = invocation;
    if (admin.isRunning(deps)) return admin.alreadyRunning(deps);
    const quick = isQuickStart(invocation);
    const code = quick ? undefined : await checked(invocation, false);
    if (code !== undefined) return code;
    if (deps.config.list("multi_instance_directories").length > 0) {
      deps.log.fatal("start-fg does not support multi_instance_directories");
      return 1;
    }
    deps.log.info("starting the Postfix mail system");
    deps.log.sink.flush();
    const { runForeground } = await import("./daemon.ts");
    const options = { directory: deps.config.directory, singleProcess: process.geteuid?.() !== 0 };
    if (quick) return await runForeground(options, () => {});
    const queueChecked = checkQueueMeanwhile(invocation);
    return await runForeground({ ...options, queueChecked }, () => void sayForeignFiles(invocation));
  },
  stop: ({ deps }) => admin.stop(deps),
  abort: ({ deps }) => admin.abort(deps),
  drain: ({ deps }) => admin.drain(deps),
  "quick-stop": async ({ deps }) => {
    await admin.stop(deps);
    Deno.writeTextFileSync(quickStartMark(deps.config), "");
    return 0;
  },
  start_msg: () => say("Start postfix"),
  stop_msg: () => say("Stop postfix"),
  reload: async (invocation) => {
    const { deps } = invocation;
    if (!admin.isRunning(deps)) return admin.reload(deps);
    const { inspectInstallation } = await import("../daemon/admin/check/mod.ts");
    const fatal = (await inspectInstallation(deps.config)).filter(({ severity }) => severity === "fatal");
    for (const { text } of fatal) deps.log.fatal(text);
    return fatal.length > 0 ? 1 : admin.reload(deps);
  },
  flush: async ({ deps }) =>
    await (await import("./postqueue.ts")).run(["-c", deps.config.directory, "-f"], "postqueue"),
  status: ({ deps }) => admin.status(deps),
  check: async (invocation) => await checked(invocation, true) ?? queueChecked(invocation) ?? 0,
  logrotate: ({ deps, operands }) => {
    if (operands.length === 0) return admin.logrotate(deps);
    deps.log.fatal("usage postfix logrotate (no arguments)");
    return 1;
  },
  "set-permissions": ({ deps }) => admin.setPermissions(deps),
  "upgrade-configuration": ({ deps }) => admin.upgradeConfiguration(deps, print),
  "post-install": ({ deps, operands }) => postInstall(deps, operands),
  tls: ({ deps, operands }) => {
    const log = deps.log.as(deps.log.tag.replace(/postfix-script$/, "postfix-tls-script"));
    return admin.tls({ config: deps.config, log, print }, operands);
  },
};

/** What packages' installation scripts call. */
async function postInstall(deps: admin.AdminDeps, operands: readonly string[]): Promise<number> {
  const { prepareDirectories } = await import("../daemon/master/mod.ts");
  const actions: Readonly<Record<string, () => number>> = {
    "create-missing": () => {
      prepareDirectories(deps.config);
      return 0;
    },
    "set-permissions": () => admin.setPermissions(deps),
    "upgrade-permissions": () => admin.setPermissions(deps),
    "upgrade-configuration": () => admin.upgradeConfiguration(deps, print),
    "upgrade-source": () => admin.upgradeConfiguration(deps, print) || admin.setPermissions(deps),
    "upgrade-package": () => admin.upgradeConfiguration(deps, print) || admin.setPermissions(deps),
    "first-install-reminder": () => 0,
  };
  const wanted = operands.filter((word) => !word.includes("="));
  const unknown = wanted.find((word) => actions[word] === undefined);
  if (wanted.length === 0 || unknown !== undefined) {
    console.error(
      `post-install: Error: Usage: post-install command, one of ${Object.keys(actions).join(", ")}`,
    );
    return 1;
  }
  for (const word of wanted) {
    const code = actions[word]!();
    if (code !== 0) return code;
  }
  return 0;
}

/** The work of a command word; undefined for a word that postfix(1) doesn't know. */
export function findAction(word: string): Action | undefined {
  return Object.hasOwn(ACTIONS, word) ? ACTIONS[word] : undefined;
}
