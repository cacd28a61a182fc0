import type { TableLog } from "../context.ts";
import { printable } from "../../bytes/mod.ts";
import { reasonOf } from "../../errors/mod.ts";
import { TableError } from "../types.ts";
import { ServerLost } from "./server_lost.ts";

/** One of the servers that can answer. */
export interface Server {
  /** For messages: host and port, or a path; never a password. */
  readonly label: string;
  /** Servers of a lower rank are asked first. */
  readonly rank: number;
}

/** What Postfix's log says before the reason of a failure; log watchers look for that. */
export interface FailureWords {
  connect(label: string): string;
  query(label: string): string;
}

/** How a `ServerPool` deals with its servers and connections. */
export interface PoolOptions<S extends Server, C> {
  /** What messages begin with: `mysql:/etc/postfix/aliases.cf`. */
  readonly title: string;
  readonly servers: readonly S[];
  /** Are servers of the same rank asked in random order, or as listed? */
  readonly shuffle: boolean;
  /** Seconds for which a server that could not be reached isn't tried again. */
  readonly retrySeconds: number;
  /** Seconds after which an unused connection is closed. */
  readonly idleSeconds: number;
  /** Most simultaneous connections to one server. */
  readonly connections: number;
  readonly log: TableLog;
  /** What warnings of failures begin with, before a colon and the reason. */
  readonly words?: FailureWords;
  /**
   * Connects. Rejects with any error; the pool says so in the log.
   * @param onLost to be called when the connection ends while nobody uses it
   */
  connect(server: S, onLost: () => void): Promise<C>;
  close(connection: C): void;
}

interface Held<C> {
  readonly connection: C;
  usable: boolean;
  /** When it was last used, in milliseconds. */
  since: number;
}

class ServerState<S, C> {
  readonly idle: Held<C>[] = [];
  readonly waiting: (() => void)[] = [];
  open = 0;
  /** Not tried before this time, in milliseconds. */
  downUntil = 0;

  constructor(readonly server: S) {}
}

/**
 * Connections to servers that have the same data. They are made when they are needed, used by one lookup at a time, kept
 * while they are useful and replaced when a server goes away; a server that fails is left alone for a while.
 */
export class ServerPool<S extends Server, C> {
  readonly #states: ServerState<S, C>[];
  #sweeper: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(private readonly options: PoolOptions<S, C>) {
    this.#states = options.servers.map((server) => new ServerState<S, C>(server));
  }

  /**
   * Does work over a connection to the first server that can do it. A `TableError` is the work's final word. Any other
   * error closes the connection: on one that had been idle the work is tried again at once with a new one, then the other
   * servers are asked. Rejects with a temporary `TableError` when none is left.
   */
  async use<T>(work: (connection: C, server: S) => Promise<T>): Promise<T> {
    const answer = await this.tryUse(work);
    if (answer !== undefined) return answer.result;
    throw new TableError("temporary", `table ${this.options.title}: query error`);
  }

  /** As `use`, but resolves to undefined when no server is left. */
  async tryUse<T>(
    work: (connection: C, server: S) => Promise<T>,
  ): Promise<{ readonly result: T } | undefined> {
    for (const state of this.#candidates()) {
      for (;;) {
        const held = await this.#acquire(state);
        if (held === undefined) break;
        const kept = held.since > 0;
        try {
          const result = await work(held.connection, state.server);
          this.#release(state, held);
          return { result };
        } catch (error) {
          if (error instanceof TableError) {
            this.#release(state, held);
            throw error;
          }
          this.#discard(state, held);
          if (kept && error instanceof ServerLost && !error.silent) {
            this.#dropIdle(state);
            continue;
          }
          this.#warn(state, "query", error);
          if (error instanceof ServerLost) {
            this.#markDown(state);
            this.#dropIdle(state);
          }
          break;
        }
      }
    }
    return undefined;
  }

  /** Closes all connections; work that is under way fails. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#sweeper);
    for (const state of this.#states) this.#dropIdle(state);
  }

  /** The servers worth asking, in order: by rank, connected ones first, then by chance or as listed. */
  #candidates(): ServerState<S, C>[] {
    const now = Date.now();
    const useful = this.#states.filter((state) => state.downUntil <= now);
    if (useful.length < 2) return useful;
    const { shuffle } = this.options;
    return useful
      .map((state, index) => ({
        state,
        rank: state.server.rank,
        fresh: shuffle && state.open === 0 ? 1 : 0,
        order: shuffle ? Math.random() : index,
      }))
      .sort((a, b) => a.fresh - b.fresh || a.rank - b.rank || a.order - b.order)
      .map((entry) => entry.state);
  }

  /** A connection to use, or undefined if there is none to be had from this server. */
  async #acquire(state: ServerState<S, C>): Promise<Held<C> | undefined> {
    while (!this.#closed) {
      const idle = state.idle.pop();
      if (idle !== undefined) return idle;
      if (state.downUntil > Date.now()) return undefined;
      if (state.open < this.options.connections) return await this.#connect(state);
      await new Promise<void>((resolve) => state.waiting.push(resolve));
    }
    return undefined;
  }

  async #connect(state: ServerState<S, C>): Promise<Held<C> | undefined> {
    state.open += 1;
    let held: Held<C> | undefined;
    let lostEarly = false;
    const onLost = () => {
      lostEarly = true;
      if (held === undefined) return;
      held.usable = false;
      const at = state.idle.indexOf(held);
      if (at < 0) return;
      state.idle.splice(at, 1);
      this.#discard(state, held);
    };
    try {
      const connection = await this.options.connect(state.server, onLost);
      held = { connection, usable: !lostEarly, since: 0 };
      return held;
    } catch (error) {
      state.open -= 1;
      this.#markDown(state);
      this.#warn(state, "connect", error);
      wake(state, Infinity);
      return undefined;
    }
  }

  #release(state: ServerState<S, C>, held: Held<C>): void {
    if (!held.usable || this.#closed) {
      this.#discard(state, held);
      return;
    }
    held.since = Date.now();
    state.idle.push(held);
    wake(state, 1);
    this.#scheduleSweep();
  }

  #discard(state: ServerState<S, C>, held: Held<C>): void {
    state.open -= 1;
    held.usable = false;
    this.options.close(held.connection);
    wake(state, 1);
  }

  #dropIdle(state: ServerState<S, C>): void {
    for (const held of state.idle.splice(0)) this.#discard(state, held);
  }

  #markDown(state: ServerState<S, C>): void {
    state.downUntil = Date.now() + this.options.retrySeconds * 1000;
  }

  /** Closes what was idle for too long, and comes back while something is idle. */
  #scheduleSweep(): void {
    if (this.#sweeper !== undefined) return;
    this.#sweeper = setTimeout(() => {
      this.#sweeper = undefined;
      const oldest = Date.now() - this.options.idleSeconds * 1000;
      for (const state of this.#states) {
        while (state.idle[0] !== undefined && state.idle[0].since <= oldest) {
          this.#discard(state, state.idle.shift()!);
        }
      }
      if (this.#states.some((state) => state.idle.length > 0)) this.#scheduleSweep();
    }, this.options.idleSeconds * 1000);
    // Idle connections are no reason to keep a process alive.
    Deno.unrefTimer(this.#sweeper as unknown as number);
  }

  #warn(state: ServerState<S, C>, what: "connect" | "query", error: unknown): void {
    const { log, title, words } = this.options;
    const { label } = state.server;
    const before = words?.[what](label) ?? `${title}: ${label}: ${what} failed`;
    log.warning(printable(`${before}: ${reasonOf(error)}`));
  }
}

/** Lets waiting lookups try again. */
function wake<S, C>(state: ServerState<S, C>, count: number): void {
  for (const resolve of state.waiting.splice(0, count)) resolve();
}
