/**
 * The services of one process. In single-process mode all three sides share it and call each other directly; in
 * processes of their own they meet at the sockets in the queue directory.
 */
import type { Config, MasterEntry } from "../../core/config/types.ts";
import type { LogSink } from "../../core/log/mod.ts";
import { openQueue, type Queue } from "../../core/queue/mod.ts";
import { GroupSync } from "../../core/system/mod.ts";
import type { BounceService, DeliveryAgent } from "../delivery/mod.ts";
import type { AddressVerification } from "../verify/mod.ts";
import type { Greylist } from "../greylist/mod.ts";
import type { QueuedMessage } from "../../core/queue/types.ts";
import type { Cleanups } from "./cleanups.ts";
import { type Role, roleOf } from "./plan.ts";
import { giveUpRoot, isRoot } from "./privileges.ts";
import { loadTableTypes, preopenTables, type Snapshot, takeSnapshot } from "./snapshot.ts";

export interface RuntimeOptions {
  readonly config: Config;
  readonly entries: readonly MasterEntry[];
  readonly roles: readonly Role[];
  readonly sink: LogSink;
  /** How often `-v` was given for the whole mail system. */
  readonly verbosity?: number;
  /** Asks the master for a successor with root's rights; absent where there is no master process. */
  readonly requestReplacement?: (reason: string) => void;
}

/** The running services of this process. */
export interface Runtime {
  /** New sessions and deliveries use the new configuration. Throws, and changes nothing, if it can't be used. */
  reload(config: Config, entries: readonly MasterEntry[]): Promise<void>;
  /** Takes nothing new and resolves when everything under way is through. */
  drain(): Promise<void>;
  /** The same within `seconds`; what is left then is cut off. */
  stop(seconds: number): Promise<void>;
}

/** One of the three groups of services. */
export interface Side {
  /** Prepares what can fail, and returns what puts it into force. */
  reload(next: Snapshot): Promise<() => void>;
  drain(): Promise<void>;
  stop(seconds: number): Promise<void>;
}

/** What the sides of one process share. Members appear as the sides that own them start. */
export interface RuntimeContext {
  readonly sink: LogSink;
  readonly roles: ReadonlySet<Role>;
  readonly queue: Queue;
  /** fsync(2) of a file that this process writes, together with others that are due. */
  readonly sync: (fd: number) => Promise<void>;
  readonly requestReplacement?: (reason: string) => void;
  /** The queue side's, for direct calls. */
  local: {
    cleanup?: Cleanups["for"];
    bounce?: BounceService;
    queued?: (message: QueuedMessage) => void;
    flushAdd?: (site: string, id: string) => void;
    verify?: AddressVerification;
    greylist?: Greylist;
  };
  /** Agents of the delivery side by service name, for direct calls. */
  readonly agents: Map<string, DeliveryAgent>;
}

/**
 * What a process that gave up root does about files that only root may read: a table that was rebuilt, or one that a new
 * main.cf names. It goes on with the old one and asks for a successor, which opens everything as root again.
 */
class OutOfReach {
  #armed = false;
  /** Files that were out of reach with root's rights already: a successor could do no better. */
  readonly #hopeless = new Set<string>();
  #asked = false;

  constructor(private readonly ask: ((reason: string) => void) | undefined) {}

  /** Root is given up. */
  arm(): void {
    this.#armed = true;
  }

  /** Is a successor on its way? */
  get asked(): boolean {
    return this.#asked;
  }

  readonly denied = (reason: string): void => {
    if (!this.#armed) this.#hopeless.add(reason);
    if (!this.#armed || this.#asked || this.#hopeless.has(reason) || this.ask === undefined) return;
    this.#asked = true;
    this.ask(reason);
  };
}

/** Starts the services that belong to `roles`. Throws when one can't start; what was started is stopped again. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { sink, roles, verbosity } = options;
  const group = new GroupSync();
  // These write a file for each message; what the queue's services write is too little for a thread.
  if (roles.includes("front")) group.startThread();
  else if (roles.includes("delivery")) group.startThreadWhenBusy();
  const context: RuntimeContext = {
    sink,
    roles: new Set(roles),
    queue: openQueue(options.config, group),
    sync: (fd) => group.sync(fd),
    ...(options.requestReplacement === undefined ? {} : { requestReplacement: options.requestReplacement }),
    local: {},
    agents: new Map(),
  };
  const relevant = (entries: readonly MasterEntry[]) =>
    entries.filter((entry) => roleOf(entry) !== undefined);
  // The delivery side becomes each recipient in turn and needs root for that.
  const givesUpRoot = context.roles.size === 1 && !context.roles.has("delivery") && isRoot();
  if (givesUpRoot) await loadTableTypes(options.config, relevant(options.entries));
  const outOfReach = givesUpRoot ? new OutOfReach(options.requestReplacement) : undefined;
  const snapshot = takeSnapshot(
    options.config,
    relevant(options.entries),
    sink,
    outOfReach?.denied,
    verbosity,
  );
  const sides: Side[] = [];
  try {
    // The queue's services come first: the others call them.
    if (context.roles.has("queue")) {
      const { startQueueSide } = await import("./queue_side.ts");
      sides.push(await startQueueSide(context, snapshot));
    }
    if (context.roles.has("delivery")) {
      const { startDeliverySide } = await import("./delivery_side.ts");
      sides.push(await startDeliverySide(context, snapshot));
    }
    if (context.roles.has("front")) {
      const { startFrontSide } = await import("./front_side.ts");
      sides.push(await startFrontSide(context, snapshot));
    }
    if (givesUpRoot) {
      await preopenTables(snapshot);
      giveUpRoot(options.config);
      outOfReach!.arm();
    }
  } catch (error) {
    await Promise.all(sides.map((side) => side.stop(0)));
    group.close();
    throw error;
  }
  return {
    async reload(config, entries) {
      const next = takeSnapshot(config, relevant(entries), sink, outOfReach?.denied, verbosity);
      if (outOfReach !== undefined) {
        await preopenTables(next);
        if (outOfReach.asked) return;
      }
      const commits = await Promise.all(sides.map((side) => side.reload(next)));
      for (const commit of commits) commit();
    },
    async drain() {
      await Promise.all(sides.map((side) => side.drain()));
      group.close();
    },
    async stop(seconds) {
      // From the network inwards, so that what still comes in is still taken care of.
      for (const side of [...sides].reverse()) await side.stop(seconds);
      group.close();
      sink.flush();
    },
  };
}
