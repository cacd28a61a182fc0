import { messageOf } from "../../core/errors/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { encodeOrder, linesOf, type Order, parseReport, type Report } from "./control.ts";
import type { Role } from "./plan.ts";

/** How a process is started. */
export interface ProcessCommand {
  readonly program: string;
  readonly args: readonly string[];
}

export interface SupervisorDeps {
  readonly log: Logger;
  readonly command: (role: Role) => ProcessCommand;
  /** Lines that a process prints and that are not reports: log lines under start-fg. */
  readonly onOutput: (line: string) => void;
}

/** First and longest pause before a process that died is started again, in milliseconds. */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 60_000;
/** How long a queue process may finish its deliveries before its successor starts, in seconds. */
const SUCCESSION_SECONDS = 30;
/** A process that lived this long died of something new: the pause starts over. */
const HEALTHY = 60_000;

class Process {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly ended: Promise<Deno.CommandStatus>;
  readonly started = Date.now();

  constructor(command: ProcessCommand, onReport: (report: Report) => void, onOutput: (line: string) => void) {
    const child = new Deno.Command(command.program, {
      args: [...command.args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#child = child;
    this.#input = this.#child.stdin.getWriter();
    this.#input.closed.catch(() => {});
    const output = (async () => {
      for await (const line of linesOf(child.stdout)) {
        const report = parseReport(line);
        if (report === undefined) onOutput(line);
        else onReport(report);
      }
    })();
    this.ended = Promise.all([child.status, output]).then(([status]) => status);
  }

  get pid(): number {
    return this.#child.pid;
  }

  order(order: Order): void {
    this.#input.write(encodeOrder(order)).catch(() => {
      // It is ending; `ended` tells the rest.
    });
  }

  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended already.
    }
  }
}

/** Keeps one process of a role running: restarts what dies, replaces it without a gap, passes orders on. */
export class Supervisor {
  #current: Process | undefined;
  #pause = FIRST_PAUSE;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopping = false;
  readonly #draining = new Set<Process>();
  #succession: Promise<void> | undefined;

  constructor(readonly role: Role, private readonly deps: SupervisorDeps) {}

  /** Process id of the process in charge. */
  get pid(): number | undefined {
    return this.#current?.pid;
  }

  /** Starts the process. Resolves when it is ready; rejects with its own words when it can't start. */
  async start(): Promise<void> {
    this.#current = await this.#launch();
  }

  #launch(): Promise<Process> {
    return new Promise((resolve, reject) => {
      let settled = false;
      const child: Process = new Process(this.deps.command(this.role), (report) => {
        if (report.report === "ready") {
          settled = true;
          resolve(child);
        } else if (report.report === "failed") {
          settled = true;
          reject(new Error(report.text));
        } else if (child === this.#current) {
          this.deps.log.info(`replacing the ${this.role} process: ${report.text}`, "replace", {
            role: this.role,
          });
          this.replace().catch((error) =>
            this.deps.log.error(`cannot replace the ${this.role} process: ${error.message}`)
          );
        }
      }, this.deps.onOutput);
      child.ended.then((status) => {
        this.#draining.delete(child);
        if (!settled) reject(new Error(`the ${this.role} process ended at start with ${describe(status)}`));
        if (child === this.#current) this.#onDeath(child, status);
      });
    });
  }

  #onDeath(child: Process, status: Deno.CommandStatus): void {
    this.#current = undefined;
    if (this.#stopping) return;
    this.deps.log.warning(`process ${this.role} pid ${child.pid} ${describe(status)}`, "process_died", {
      role: this.role,
      process: child.pid,
    });
    this.#pause = Date.now() - child.started > HEALTHY ? FIRST_PAUSE : this.#pause;
    this.#scheduleRestart();
  }

  #scheduleRestart(): void {
    const pause = this.#pause;
    this.#pause = Math.min(pause * 2, LONGEST_PAUSE);
    if (pause > 1000) this.deps.log.warning(`${this.role}: bad command startup -- throttling`);
    this.#timer = setTimeout(async () => {
      this.#timer = undefined;
      try {
        const child = await this.#launch();
        if (this.#stopping) child.order({ order: "stop", seconds: 1 });
        else this.#current = child;
      } catch (error) {
        this.deps.log.error(messageOf(error));
        if (!this.#stopping) this.#scheduleRestart();
      }
    }, pause);
  }

  /**
   * Starts a successor, and lets the old process finish its sessions once the successor is ready. There can be only one
   * queue manager, so that a queue process finishes its deliveries first; meanwhile mail comes in and waits.
   */
  async replace(): Promise<void> {
    if (this.role === "queue") {
      this.#succession ??= this.#succeed().finally(() => this.#succession = undefined);
      return await this.#succession;
    }
    const successor = await this.#launch();
    const old = this.#current;
    this.#current = successor;
    if (old === undefined) return;
    this.#draining.add(old);
    old.order({ order: "drain" });
  }

  async #succeed(): Promise<void> {
    const old = this.#current;
    this.#current = undefined;
    if (old !== undefined) {
      this.#draining.add(old);
      await end(old, SUCCESSION_SECONDS);
    }
    if (this.#stopping) return;
    try {
      const successor = await this.#launch();
      if (this.#stopping) successor.order({ order: "stop", seconds: 1 });
      else this.#current = successor;
    } catch (error) {
      if (!this.#stopping) this.#scheduleRestart();
      throw error;
    }
  }

  order(order: Order): void {
    this.#current?.order(order);
  }

  /** Asks every process of the role to end within `seconds`, then kills. Resolves when all have ended. */
  async stop(seconds: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const all = [...this.#draining, ...(this.#current === undefined ? [] : [this.#current])];
    await Promise.all(all.map((child) => end(child, seconds)));
  }
}

/** Asks a process to end within `seconds`, then kills it. Resolves when it has ended. */
async function end(child: Process, seconds: number): Promise<void> {
  child.order({ order: "stop", seconds });
  const killer = setTimeout(() => child.kill("SIGKILL"), seconds * 1000 + 1000);
  await child.ended;
  clearTimeout(killer);
}

function describe(status: Deno.CommandStatus): string {
  return status.signal === null ? `exit status ${status.code}` : `killed by signal ${status.signal}`;
}
