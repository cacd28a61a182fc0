/**
 * The master: checks the configuration, holds the locks, starts the processes, keeps them running, passes reload and
 * stop on. In single-process mode the services run in its own process instead.
 *
 * It logs `daemon started -- version ..., configuration ...`, `reload -- ...`, `terminating on signal N`, and what
 * happens to its processes.
 */
import type { Config, MasterEntry } from "../../core/config/types.ts";
import { readMasterFile } from "../../core/config/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import { Logger, logSettings, openLog, SwitchSink } from "../../core/log/mod.ts";
import { removeUnfinishedFiles } from "../../core/queue/mod.ts";
import { requireFreePorts } from "./listen.ts";
import { debuggedName, runDebugger } from "./debugger.ts";
import { ALL_ROLES, type Role, rolesNeeded } from "./plan.ts";
import { prepareLogFile } from "./log_file.ts";
import { prepareDirectories } from "./privileges.ts";
import { type HeldLock, holdPidFile, runningMaster } from "./pid_file.ts";
import { type ProcessCommand, Supervisor } from "./supervisor.ts";
import type { Runtime } from "./runtime.ts";
import { requireUsable } from "./usable.ts";

/** What tells the daemon to wait for the line `QUEUE_CHECKED` on its standard input before the queue manager starts. */
export const QUEUE_CHECK_OPTION = "--after-queue-check";
export const QUEUE_CHECKED = "queue checked";

/** The queue could not be looked over, and the queue manager must not have it like that. */
export class QueueNotChecked extends Error {
  override readonly name = "QueueNotChecked";
  constructor() {
    super("the check of the queue failed");
  }
}

export interface MasterOptions {
  /** Loads the configuration afresh; called at start and at each reload. */
  readonly loadConfig: () => Config;
  /** Everything in this process, without giving up or needing root. */
  readonly singleProcess: boolean;
  /** Run debugger_command for the master too (`-D`). */
  readonly debugged?: boolean;
  /** The queue manager starts when this resolves; mail is accepted before. Rejects if there is to be no start. */
  readonly queueChecked?: Promise<void>;
  /** The command of a process of its own. */
  readonly command: (role: Role) => ProcessCommand;
  /** Starts the services in this process; loaded only in single-process mode. */
  readonly startRuntime: (config: Config, entries: readonly MasterEntry[], log: Logger) => Promise<Runtime>;
}

/** A running mail system. */
export interface Master {
  readonly config: Config;
  readonly log: Logger;
  /** Re-reads the configuration. A broken one is logged and the old one stays in force; returns false then. */
  reload(): Promise<boolean>;
  /** Finishes what is under way within `seconds`. */
  stop(seconds: number): Promise<void>;
}

/** Path of the master's pid and lock file. */
function pidFilePath(config: Config): string {
  return `${config.string("queue_directory")}/${config.string("process_id_directory")}/master.pid`;
}

/** The process id of the master of this configuration, or undefined when none runs. */
export function runningMasterOf(config: Config): number | undefined {
  return runningMaster(pidFilePath(config));
}

function masterTag(config: Config): string {
  return `${config.string("syslog_name")}/master`;
}

function startedText(config: Config): string {
  return `version ${config.string("mail_version")}, configuration ${config.directory}`;
}

/**
 * Starts the mail system. Throws `ConfigError` for a configuration that can't be used and `AlreadyRunning` when
 * another master holds the lock; nothing is left running then.
 */
export async function startMaster(options: MasterOptions): Promise<Master> {
  let config = options.loadConfig();
  let entries = readMasterFile(config);
  requireUsable(config);
  prepareDirectories(config);
  prepareLogFile(config);
  const sink = new SwitchSink(openLog(logSettings(config)));
  const log = new Logger(sink, masterTag(config));
  const locks: HeldLock[] = [holdPidFile(pidFilePath(config))];
  const releaseLocks = () => locks.forEach((lock) => lock.release());
  const supervisors = new Map<Role, Supervisor>();
  let runtime: Runtime | undefined;
  let failed = false;
  // Something else may fail before; nobody waits for this one then.
  options.queueChecked?.catch(() => {});

  try {
    locks.push(holdPidFile(`${config.string("data_directory")}/master.lock`));
    const name = options.singleProcess
      ? debuggedName(ALL_ROLES, entries, options.debugged === true)
      : options.debugged === true
      ? "master"
      : undefined;
    if (name !== undefined) runDebugger(config, name, sink);
    removeUnfinishedFiles(config.string("queue_directory"));
    if (options.singleProcess) {
      await options.queueChecked;
      runtime = await options.startRuntime(config, entries, log);
    } else {
      requireFreePorts(entries, config);
      // They find each other by themselves, in whatever order they get ready.
      await Promise.all(
        rolesNeeded(entries).map(async (role) => {
          if (role === "queue") await options.queueChecked;
          if (failed) return;
          const supervisor = newSupervisor(role);
          supervisors.set(role, supervisor);
          await supervisor.start();
        }),
      );
    }
    // As with Postfix, whoever reads this line finds the ports open.
    log.info(`daemon started -- ${startedText(config)}`, "started");
  } catch (error) {
    failed = true;
    log.fatal(messageOf(error));
    await stopAll(1);
    releaseLocks();
    throw error;
  }

  function newSupervisor(role: Role): Supervisor {
    return new Supervisor(role, {
      log,
      command: options.command,
      onOutput: (line) => console.log(line),
    });
  }

  async function stopAll(seconds: number): Promise<void> {
    await runtime?.stop(seconds);
    // Who feeds the queue ends before the queue does.
    await supervisors.get("front")?.stop(seconds);
    await Promise.all([supervisors.get("queue")?.stop(seconds), supervisors.get("delivery")?.stop(seconds)]);
  }

  async function reload(): Promise<boolean> {
    let next: Config;
    let nextEntries: MasterEntry[];
    try {
      next = options.loadConfig();
      nextEntries = readMasterFile(next);
      requireUsable(next);
      const settings = logSettings(next);
      await runtime?.reload(next, nextEntries);
      if (settings.file !== "/dev/stdout" || logSettings(config).file !== settings.file) {
        prepareLogFile(next);
        sink.switchTo(openLog(settings));
      }
    } catch (error) {
      log.error(
        `reload: ${messageOf(error)}: the old configuration stays in force`,
      );
      return false;
    }
    config = next;
    entries = nextEntries;
    log.info(`reload -- ${startedText(config)}`, "reload");
    if (!options.singleProcess) {
      for (const role of rolesNeeded(entries)) {
        const running = supervisors.get(role);
        if (running !== undefined) {
          await reloadProcess(running);
          continue;
        }
        const supervisor = newSupervisor(role);
        supervisors.set(role, supervisor);
        await supervisor.start();
      }
    }
    return true;
  }

  /**
   * A front has given up root, and new ports, certificates and tables may need it: a successor takes over while the old
   * process finishes its sessions. The others read the configuration again themselves.
   */
  async function reloadProcess(supervisor: Supervisor): Promise<void> {
    if (supervisor.role !== "front") {
      supervisor.order({ order: "reload" });
      return;
    }
    try {
      await supervisor.replace();
    } catch (error) {
      log.error(
        `reload: ${messageOf(error)}: the old configuration stays in force`,
      );
    }
  }

  return {
    get config() {
      return config;
    },
    log,
    reload,
    async stop(seconds) {
      await stopAll(seconds);
      releaseLocks();
      sink.flush();
    },
  };
}
