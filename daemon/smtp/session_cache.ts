import type { CoarseTimer, Expiring } from "../../core/smtp/mod.ts";
import type { Session } from "./session.ts";

/** An idle session, waiting for its next message. */
class Entry implements Expiring {
  deadline: number;

  constructor(
    readonly session: Session,
    readonly keys: readonly string[],
    seconds: number,
    readonly drop: (entry: Entry) => void,
  ) {
    this.deadline = performance.now() + seconds * 1000;
  }

  expire(): void {
    this.drop(this);
  }
}

/**
 * Open sessions between two deliveries, by destination and by server address. A session that nobody takes within
 * `smtp_connection_cache_time_limit`, or that the server ends, is closed.
 */
export class SessionCache {
  readonly #byKey = new Map<string, Entry[]>();
  readonly #entries = new Set<Entry>();

  constructor(readonly timer: CoarseTimer) {}

  /** Keeps a session for `seconds` under every one of `keys`. */
  store(session: Session, keys: readonly string[], seconds: number): void {
    const entry = new Entry(session, keys, seconds, (expired) => this.#end(expired));
    for (const key of keys) {
      const group = this.#byKey.get(key);
      if (group === undefined) this.#byKey.set(key, [entry]);
      else group.push(entry);
    }
    this.#entries.add(entry);
    this.timer.watch(entry);
    session.channel.watch(() => this.#end(entry));
  }

  /** Takes the session that was used last under `key`; it is the caller's now. */
  take(key: string): Session | undefined {
    for (;;) {
      const entry = this.#byKey.get(key)?.at(-1);
      if (entry === undefined) return undefined;
      if (entry.session.reusable) {
        this.#remove(entry);
        return entry.session;
      }
      this.#end(entry);
    }
  }

  /** Ends all sessions. */
  clear(): void {
    for (const entry of [...this.#entries]) this.#end(entry);
  }

  get size(): number {
    return this.#entries.size;
  }

  #remove(entry: Entry): void {
    if (!this.#entries.delete(entry)) return;
    this.timer.unwatch(entry);
    for (const key of entry.keys) {
      const group = this.#byKey.get(key)!;
      group.splice(group.indexOf(entry), 1);
      if (group.length === 0) this.#byKey.delete(key);
    }
  }

  /** Says goodbye, as far as that is possible without waiting, and closes. */
  #end(entry: Entry): void {
    if (!this.#entries.has(entry)) return;
    this.#remove(entry);
    const { session } = entry;
    if (session.channel.spoiled) {
      session.close();
      return;
    }
    session.leave().finally(() => session.close());
  }
}
