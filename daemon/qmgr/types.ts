import type { Resolved } from "../../core/address/mod.ts";
import type { Config } from "../../core/config/types.ts";
import type { Logger } from "../../core/log/mod.ts";
import type { Queue, QueuedMessage } from "../../core/queue/types.ts";
import type { MaybePromise } from "../../core/table/types.ts";
import type { BounceService, DeliveryAgent } from "../delivery/types.ts";

/** Something that was asked to happen later. */
export interface Timer {
  cancel(): void;
}

/** Time as the queue manager sees it; tests have one that they turn by hand. */
export interface Clock {
  /** Seconds since the epoch, with fraction. */
  now(): number;
  /** Calls `action` once, after `seconds`. Does not keep the process alive. */
  after(seconds: number, action: () => void): Timer;
  /** Lets other work of the process have its turn. */
  yield(): Promise<void>;
}

/** What the queue manager asks of address resolution (`core/address` has it). */
export interface Routing {
  resolve(sender: string, address: string): MaybePromise<Resolved>;
  verifyResolve(sender: string, address: string): MaybePromise<Resolved>;
  rewriteInternal(context: "local" | "remote", address: string): string;
}

export interface QueueManagerDeps {
  readonly config: Config;
  readonly queue: Queue;
  readonly addressing: Routing;
  /** The agent of a service in master.cf; undefined if there is no such service. Asked for every delivery. */
  readonly agentFor: (transport: string) => DeliveryAgent | undefined;
  /** How many deliveries a service may do at a time (column maxproc of master.cf); 0: any number. */
  readonly processLimit: (transport: string) => number;
  readonly bounce: BounceService;
  /** In the name of `postfix/qmgr`. */
  readonly log: Logger;
  readonly clock?: Clock;
  /** For `ETRN` and `postqueue -s`, when the queue manager itself defers. */
  readonly flushAdd?: (site: string, queueId: string) => void;
  /** Answers of address probes that never reach an agent. */
  readonly verify?: (
    address: string,
    result: "deliverable" | "deferred" | "undeliverable",
    reason: string,
  ) => Promise<void>;
}

/** Counters and gauges, for `postel status` and tests. */
export interface QueueManagerStats {
  /** Messages in the active queue. */
  readonly active: number;
  /** Their recipients that are in memory. */
  readonly recipients: number;
  /** Deliveries under way. */
  readonly busy: number;
  /** Messages finished (removed, deferred) since the start. */
  readonly removed: number;
  readonly deferred: number;
  readonly corrupt: number;
  readonly transports: readonly TransportStats[];
}

export interface TransportStats {
  readonly name: string;
  readonly busy: number;
  readonly destinations: number;
  /** Why nothing goes through it for now. */
  readonly suspended?: string;
  readonly dead: readonly { readonly destination: string; readonly reason: string }[];
}

export interface QueueManager {
  /** A message was queued: takes it on at once if there is room, else a scan of incoming does later. */
  queued(message: QueuedMessage): void;
  /** A wake-up with the bytes of Postfix's queue manager (`W`, `I`, `D`, `F`, `A`). */
  trigger(request: string): void;
  /** Takes back what a former life left in active, then scans. */
  start(): void;
  /** Takes on nothing new and waits, at most `seconds`, for deliveries under way. What is left stays in active. */
  stop(seconds: number): Promise<void>;
  /** Goes on with other settings and routes; deliveries under way finish as they began. */
  reload(
    changes: Partial<Pick<QueueManagerDeps, "config" | "addressing" | "agentFor" | "processLimit">>,
  ): void;
  stats(): QueueManagerStats;
}
