import type { ContentReader } from "../../core/queue/mod.ts";
import type { Queue } from "../../core/queue/types.ts";
import type { DeliveryRequest } from "../delivery/types.ts";

/**
 * The content of one request's message for all of its deliveries, which follow one another: the queue file is opened (and
 * locked) once, when it is first needed.
 */
export class SharedContent {
  #reader: ContentReader | undefined;

  constructor(
    private readonly queue: Pick<Queue, "openContent">,
    private readonly request: DeliveryRequest,
  ) {}

  /** A reader at the beginning of the content; not to be closed. Throws `QueueFileError`. */
  read(): ContentReader {
    if (this.#reader === undefined) {
      const { queueName, queueId, contentOffset } = this.request;
      this.#reader = this.queue.openContent(queueName, queueId, contentOffset);
    } else {
      this.#reader.rewind();
    }
    return this.#reader;
  }

  /** Gives the file back. */
  close(): void {
    this.#reader?.close();
    this.#reader = undefined;
  }
}
