import { hashDirectories } from "./queue_id.ts";
import type { QueueSettings } from "./settings.ts";
import type { LogName, QueueName } from "./types.ts";

/** Where files stand below the queue directory. */
export class QueueLayout {
  readonly #prefixes = new Map<string, string>();
  readonly #hashed: ReadonlySet<string>;
  readonly #depth: number;

  constructor(readonly directory: string, settings: Pick<QueueSettings, "hashNames" | "hashDepth">) {
    this.#hashed = new Set(settings.hashNames);
    this.#depth = settings.hashDepth;
  }

  /** Does the queue (or log) have hash directories? */
  isHashed(name: string): boolean {
    return this.#depth > 0 && this.#hashed.has(name);
  }

  /** How many levels of hash directories the queue has. */
  depth(name: string): number {
    return this.#hashed.has(name) ? this.#depth : 0;
  }

  /** The directory of a queue or log, with a slash at its end. */
  prefix(name: string): string {
    let prefix = this.#prefixes.get(name);
    if (prefix === undefined) {
      prefix = `${this.directory}/${name}/`;
      this.#prefixes.set(name, prefix);
    }
    return prefix;
  }

  /** The hash directories of an id below a queue or log, `9/6/`; empty where there are none. */
  hash(name: QueueName | LogName, id: string): string {
    return this.#hashed.has(name) ? hashDirectories(id, this.#depth) : "";
  }

  /** The full path of a message or log. */
  path(name: QueueName | LogName, id: string): string {
    const prefix = this.prefix(name);
    return this.#hashed.has(name) ? prefix + hashDirectories(id, this.#depth) + id : prefix + id;
  }
}
