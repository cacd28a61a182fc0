/**
 * What `postfix start`, `stop`, `reload` ... do (postfix(1)). Every action says what it does in the mail log in the
 * name of postfix-script, as log tools expect.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { Config } from "../../core/config/types.ts";
import type { Logger } from "../../core/log/mod.ts";
import { selfCommand } from "../../core/system/mod.ts";
import { runningMasterOf } from "../master/mod.ts";
import { parseReport, QUEUE_CHECK_OPTION, QUEUE_CHECKED } from "../master/mod.ts";

export interface AdminDeps {
  readonly config: Config;
  /** In the name of `postfix/postfix-script`. */
  readonly log: Logger;
}

/** Seconds that a stopping system gets before it is killed. */
const STOP_SECONDS = 10;
/** Seconds that a starting system gets to say that it is ready. */
const START_SECONDS = 60;

const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

function masterPid(config: Config): number | undefined {
  return runningMasterOf(config);
}

/** Does the mail system run? */
export function isRunning({ config }: AdminDeps): boolean {
  return masterPid(config) !== undefined;
}

/** Says that it is up; the exit code of a start then. */
export function alreadyRunning({ log }: AdminDeps): number {
  log.fatal("the Postfix mail system is already running");
  return 1;
}

/** Says that there is nothing to act on; the exit code of every action on a system that isn't up. */
function notRunning({ log }: AdminDeps): number {
  log.fatal("the Postfix mail system is not running");
  return 1;
}

/** Says what is being done before it is done: lines of the mail system follow in the same log. */
function announce({ log }: AdminDeps, text: string): void {
  log.info(text);
  log.sink.flush();
}

function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch {
    // It has ended already.
  }
}

/** Kills a whole process group; a group that is gone is fine. */
function killGroup(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch {
    // Nobody left.
  }
}

/**
 * Starts the daemon in a session of its own and waits until it is ready. Resolves to the exit code.
 * @param checkQueue misnamed queue files get their right names before the queue manager starts; mail is taken meanwhile
 */
export async function start(deps: AdminDeps, checkQueue: boolean): Promise<number> {
  if (isRunning(deps)) return alreadyRunning(deps);
  if (deps.config.string("maillog_file") === "/dev/stdout") {
    deps.log.fatal('maillog_file = /dev/stdout: nobody reads that in the background: use "postfix start-fg"');
    return 1;
  }
  announce(deps, "starting the Postfix mail system");
  const options = checkQueue ? ["--report", QUEUE_CHECK_OPTION] : ["--report"];
  const { program, args } = selfCommand("daemon", "-c", deps.config.directory, ...options);
  const child = spawn(program, args, { detached: true, stdio: ["pipe", "pipe", "ignore"] });
  const [input, output] = [child.stdin!, child.stdout!];
  const ready = untilReady(child, output);
  const checked = !checkQueue || await repairQueueMeanwhile(deps) === 0;
  tell(input, checked ? QUEUE_CHECKED : "");
  const failure = await Promise.race([ready, tooLate()]);
  output.destroy();
  child.unref();
  if (!checked) {
    deps.log.fatal("Postfix integrity check failed!");
    return 1;
  }
  if (failure === undefined) return 0;
  deps.log.fatal(`mail system startup failed: ${failure}`);
  return 1;
}

/** Says the last word on a pipe. Who does not listen any more has said why on another one. */
function tell(input: Writable, word: string): void {
  input.on("error", () => {});
  input.end(`${word}\n`);
}

/** Resolves when a starting system has had its time. */
function tooLate(): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(`not ready after ${START_SECONDS} seconds`), START_SECONDS * 1000);
    Deno.unrefTimer(timer);
  });
}

/** What keeps the daemon from running; undefined when it runs. */
function untilReady(child: ChildProcess, stdout: Readable): Promise<string | undefined> {
  return new Promise((settle) => {
    let output = "";
    stdout.on("data", (chunk: Uint8Array) => {
      output += new TextDecoder().decode(chunk);
      for (const line of output.split("\n").slice(0, -1)) {
        const report = parseReport(line);
        if (report?.report === "ready") settle(undefined);
        else if (report?.report === "failed") settle(report.text);
      }
      output = output.slice(output.lastIndexOf("\n") + 1);
    });
    child.on("error", (error: Error) => settle(error.message));
    child.on("exit", (code: number | null) => settle(`the daemon ended with exit status ${code}`));
  });
}

/** Asks the running system to finish and waits; kills what is left after a while. */
export async function stop(deps: AdminDeps): Promise<number> {
  const pid = masterPid(deps.config);
  if (pid === undefined) return notRunning(deps);
  announce(deps, "stopping the Postfix mail system");
  signal(pid, "SIGTERM");
  for (let waited = 0; waited < STOP_SECONDS * 1000; waited += 50) {
    if (masterPid(deps.config) === undefined) return 0;
    if (waited > 0 && waited % 1000 === 0) announce(deps, "waiting for the Postfix mail system to terminate");
    await pause(50);
  }
  deps.log.warning("stopping the Postfix mail system with force");
  killGroup(pid);
  return 0;
}

/** Ends the running system at once. Messages that were being delivered are delivered again. */
export function abort(deps: AdminDeps): number {
  const pid = masterPid(deps.config);
  if (pid === undefined) return notRunning(deps);
  announce(deps, "aborting the Postfix mail system");
  killGroup(pid);
  signal(pid, "SIGKILL");
  return 0;
}

/** Ends the master without a word to its processes, which end when they notice. */
export function drain(deps: AdminDeps): number {
  const pid = masterPid(deps.config);
  if (pid === undefined) return notRunning(deps);
  announce(deps, "stopping the Postfix mail system");
  signal(pid, "SIGKILL");
  return 0;
}

/**
 * Has the running system read its configuration again. As with Postfix, queue files that were put back by hand get
 * their right names: those of the active queue before, so that none is lost, the others afterwards.
 */
export function reload(deps: AdminDeps): number {
  const pid = masterPid(deps.config);
  if (pid === undefined) return notRunning(deps);
  announce(deps, "refreshing the Postfix mail system");
  if (repairQueue(deps, "active") !== 0) return 1;
  signal(pid, "SIGHUP");
  repairQueue(deps);
  return 0;
}

/** Gives misnamed queue files their right names with postsuper; its exit code. Without names it takes all queues. */
export function repairQueue({ config }: AdminDeps, ...queues: readonly string[]): number {
  const { program, args } = selfCommand("postsuper", "-c", config.directory, ...queues);
  return spawnSync(program, args, { stdio: "inherit" }).status ?? 1;
}

/** The same for all queues while something else goes on. */
export function repairQueueMeanwhile({ config }: AdminDeps): Promise<number> {
  const { program, args } = selfCommand("postsuper", "-c", config.directory);
  return new Promise((resolve) => {
    spawn(program, args, { stdio: "inherit" })
      .on("exit", (code: number | null) => resolve(code ?? 1))
      .on("error", () => resolve(1));
  });
}

/** Is it running? */
export function status(deps: AdminDeps): number {
  const pid = masterPid(deps.config);
  if (pid === undefined) {
    deps.log.info("the Postfix mail system is not running");
    return 1;
  }
  deps.log.info(`the Postfix mail system is running: PID: ${pid}`);
  return 0;
}
