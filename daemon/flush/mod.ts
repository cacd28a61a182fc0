/**
 * flush(8): keeps, for the destinations in `fast_flush_domains`, logs of the messages that wait for them, and puts those
 * messages (or a single one) back into the incoming queue on demand: `postqueue -s`, `postqueue -i`, ETRN.
 */
import { writeAll } from "../../core/bytes/mod.ts";
import type { Config } from "../../core/config/types.ts";
import { messageOf } from "../../core/errors/mod.ts";
import type { ByteSink, ByteSource } from "../../core/ipc/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { isQueueId, NewFileOwner, type Queue, QueueFileError } from "../../core/queue/mod.ts";
import { type MatchList, matchList, TableSet } from "../../core/table/mod.ts";
import { addToLog, siteLogName, takeLog } from "./site_log.ts";
import { flushAnswer, flushGreeting, type FlushRequest, FlushStatus, readFlushRequest } from "./wire.ts";

export { askFlush, type FlushRequest, FlushStatus } from "./wire.ts";

/** What the flush service works with. */
export interface FlushDeps {
  readonly queue: Queue;
  readonly config: Config;
  readonly log: Logger;
  /** Wakes the queue manager with request letters (`F`, `I`, `A`, `D`). */
  readonly wakeQueueManager: (request: string) => void | Promise<void>;
  /** Wakes pickup, for `postqueue -f` of users who can't do it themselves. */
  readonly wakePickup: () => void | Promise<void>;
  /** Tables that the process has open; the service opens its own otherwise. */
  readonly tables?: TableSet;
}

/** The fast flush service. */
export interface Flush {
  /** Notes that a message waits for a site; does nothing for sites that are not in `fast_flush_domains`. */
  add(site: string, id: string): Promise<number>;
  /** Answers any request; `FlushStatus`. */
  handle(request: FlushRequest): Promise<number>;
  /** Flushes logs that were not read for long, deletes empty ones (the master's wake-up). */
  refresh(): Promise<void>;
  /** One conversation; the caller closes the connection. `users`: also takes `send_all`. */
  serve(connection: ByteSource & ByteSink, users?: boolean): Promise<void>;
}

/** Group-read permission marks a message whose destinations the queue manager must try although they are throttled. */
const UNTHROTTLE = 0o040;

/** Makes the flush service. Throws `TableError` for a bad `fast_flush_domains`. */
export function createFlush(deps: FlushDeps): Flush {
  const { config, log } = deps;
  const tables = deps.tables ?? new TableSet(config, { log });
  return new FlushService(deps, flushDomains(config, tables));
}

function flushDomains(config: Config, tables: TableSet): MatchList {
  return matchList("domain", config.string("fast_flush_domains"), tables, { name: "fast_flush_domains" });
}

/** Is a site in `fast_flush_domains`? Throws (or rejects with) `TableError`. */
export async function keepsLogFor(site: string, config: Config, log: Logger): Promise<boolean> {
  return await flushDomains(config, new TableSet(config, { log })).matches(site.toLowerCase());
}

class FlushService implements Flush {
  readonly #deps: FlushDeps;
  readonly #domains: MatchList;
  readonly #directory: string;
  readonly #owner: NewFileOwner;

  constructor(deps: FlushDeps, domains: MatchList) {
    this.#deps = deps;
    this.#domains = domains;
    this.#directory = `${deps.config.string("queue_directory")}/flush/`;
    this.#owner = new NewFileOwner(deps.config.string("mail_owner"));
  }

  async add(site: string, id: string): Promise<number> {
    if (this.#domains.isEmpty) return FlushStatus.Denied;
    if (!isQueueId(id) || site === "") return FlushStatus.Bad;
    if (!(await this.#domains.matches(site.toLowerCase()))) return FlushStatus.Denied;
    await addToLog(this.#directory + siteLogName(site), id, this.#owner);
    return FlushStatus.Ok;
  }

  async handle(request: FlushRequest): Promise<number> {
    try {
      switch (request.request) {
        case "add":
          return await this.add(request.site, request.id);
        case "send_site":
          return await this.#sendSite(request.site);
        case "send_file":
          return await this.#sendFile(request.id);
        case "send_all":
          return await this.#sendAll();
        case "rfrsh":
        case "purge":
          return FlushStatus.Ok;
      }
    } catch (error) {
      this.#deps.log.warning(`flush: ${messageOf(error)}`);
      return FlushStatus.Failed;
    }
  }

  async #sendSite(site: string): Promise<number> {
    if (this.#domains.isEmpty || !(await this.#domains.matches(site.toLowerCase()))) {
      return FlushStatus.Denied;
    }
    // Before the messages come back, so that none is deferred again because its destination seems dead.
    await this.#deps.wakeQueueManager("F");
    await this.#sendLog(this.#directory + siteLogName(site));
    return FlushStatus.Ok;
  }

  async #sendFile(id: string): Promise<number> {
    if (!isQueueId(id)) return FlushStatus.Bad;
    if (this.#requeue(id, true)) await this.#deps.wakeQueueManager("I");
    return FlushStatus.Ok;
  }

  async #sendAll(): Promise<number> {
    await this.#deps.wakeQueueManager("FADI");
    await this.#deps.wakePickup();
    return FlushStatus.Ok;
  }

  async #sendLog(path: string): Promise<void> {
    let moved = 0;
    for (const id of await takeLog(path)) {
      if (isQueueId(id) && this.#requeue(id, false)) moved += 1;
    }
    if (moved > 0) await this.#deps.wakeQueueManager("I");
  }

  /** Makes a message ready for delivery now; false if it is in neither queue (any more). */
  #requeue(id: string, unthrottle: boolean): boolean {
    const { queue } = this.#deps;
    const now = Date.now() / 1000;
    for (const name of ["deferred", "incoming"] as const) {
      const info = queue.stat(name, id);
      if (info === undefined || !info.isFile) continue;
      try {
        if (unthrottle) queue.setMode(name, id, info.mode | UNTHROTTLE);
        if (name === "deferred") queue.move(id, name, "incoming", now);
        else queue.setMtime(name, id, now);
        return true;
      } catch (error) {
        // Gone meanwhile: the queue manager took it.
        if (!(error instanceof QueueFileError && error.kind === "missing")) throw error;
      }
    }
    return false;
  }

  async refresh(): Promise<void> {
    const { config } = this.#deps;
    await this.#goThrough(config.seconds("fast_flush_refresh_time"), config.seconds("fast_flush_purge_time"));
  }

  /** Flushes logs that nobody read for `refreshTime`, deletes those that are empty for `purgeTime`; seconds. */
  async #goThrough(refreshTime: number, purgeTime: number): Promise<void> {
    const now = Date.now() / 1000;
    for (const entry of [...Deno.readDirSync(this.#directory)]) {
      if (!entry.isFile || !/^[a-z0-9_]+$/.test(entry.name)) continue;
      const path = this.#directory + entry.name;
      try {
        const info = Deno.lstatSync(path);
        const age = now - (info.mtime?.getTime() ?? 0) / 1000;
        const idle = now - Math.max(info.atime?.getTime() ?? 0, info.mtime?.getTime() ?? 0) / 1000;
        if (info.size > 0) {
          if (idle >= refreshTime) await this.#sendLog(path);
        } else if (age >= purgeTime) {
          Deno.removeSync(path);
        }
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  }

  async serve(connection: ByteSource & ByteSink, users = false): Promise<void> {
    await writeAll(connection, flushGreeting());
    const request = await readFlushRequest(connection);
    if (request === undefined) return;
    if (request === "wakeup") return await this.refresh();
    if (request.request === "send_all" && !users) return;
    // Users may ask for deliveries; what is logged for whom is the mail system's own business.
    if (users && (request.request === "add" || request.request === "purge")) {
      return await writeAll(connection, flushAnswer(FlushStatus.Bad));
    }
    await writeAll(connection, flushAnswer(await this.handle(request)));
    if (request.request === "rfrsh") await this.refresh();
    if (request.request === "purge") await this.#goThrough(0, 0);
  }
}
