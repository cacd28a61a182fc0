import type { ByteSink } from "../../core/ipc/mod.ts";
import { AttributeWriter } from "../../core/ipc/mod.ts";
import { LISTED_QUEUES, type QueueName, withBounced } from "../../core/queue/mod.ts";
import { endTurn } from "../../core/system/mod.ts";
import { ListingShare, type ListingSource, PIECE, type ShareConnection } from "./share.ts";
import { ListingWriter } from "./wire.ts";

/** A second process, and when it is asked. */
export interface ListingHelper {
  readonly connect: () => Promise<ShareConnection>;
  /** So many messages of a queue are listed first: most listings end before. */
  readonly after: number;
}

/** Sends one listing to a client, with the help of a second process if there is one. */
export class ListingRun {
  readonly #client: ByteSink;
  readonly #source: ListingSource;
  readonly #helper: ListingHelper | undefined;
  readonly #writer = new AttributeWriter();
  /** Pieces leave one after the other, whoever made them. */
  #sending: Promise<void> = Promise.resolve();
  #first = true;

  constructor(client: ByteSink, source: ListingSource, helper: ListingHelper | undefined) {
    this.#client = client;
    this.#source = { ...source, options: withBounced(source.queue, source.options) };
    this.#helper = helper;
  }

  /** All messages of all queues, in the order of queues. Throws what the client's connection throws. */
  async run(): Promise<void> {
    for (const name of LISTED_QUEUES) await this.#queue(name);
    this.#writer.end();
    await this.#flush();
  }

  async #queue(name: QueueName): Promise<void> {
    const { queue, options, level } = this.#source;
    const sink = new ListingWriter(this.#writer, level);
    const parts = queue.hashParts(name);
    let help: Promise<void> | undefined;
    let count = 0;
    try {
      for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
        for (const _ of queue.listInto(name, options, sink, part)) {
          count += 1;
          if (count === this.#helper?.after && parts.length > 0) {
            help = this.#share(this.#helper.connect, name, parts);
            // It is waited for below; until then, a failure is nobody's surprise.
            help.catch(() => {});
          }
          // The first message leaves at once.
          if (this.#writer.length > PIECE || this.#first) await this.#flush();
        }
      }
      await this.#flush();
    } finally {
      // Nothing more is to be taken, if this side has failed.
      parts.length = 0;
      await help?.catch(() => {});
    }
    await help;
  }

  /** Has parts listed by the second process, from the back. */
  async #share(connect: () => Promise<ShareConnection>, name: QueueName, parts: string[]): Promise<void> {
    let share: ListingShare;
    try {
      share = new ListingShare(await connect());
    } catch {
      // There is no such process, or it is about to start: the listing goes on alone.
      return;
    }
    try {
      for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
        await share.list(name, part, (bytes) => this.#send(bytes));
      }
    } finally {
      share.close();
    }
  }

  async #flush(): Promise<void> {
    if (this.#writer.length === 0) return;
    this.#first = false;
    const bytes = this.#writer.view().slice();
    this.#writer.clear();
    await this.#send(bytes);
    // A client that reads quickly never makes the write wait; the rest of the process has its turns all the same.
    await endTurn();
  }

  #send(bytes: Uint8Array): Promise<void> {
    const sending = this.#sending.then(async () => {
      let rest = bytes;
      while (rest.length > 0) rest = rest.subarray(await this.#client.write(rest));
    });
    this.#sending = sending;
    return sending;
  }
}
