import process from "node:process";
import {
  LISTED_QUEUES,
  type ListedMessage,
  type ListingSink,
  MessageCollector,
  openQueue,
  withBounced,
} from "../core/queue/mod.ts";
import { ListingError, listingOptions, ListingReader } from "../daemon/showq/mod.ts";
import { connectService, UnreachableError } from "./postqueue_connect.ts";
import { requireAccess } from "./queue_access.ts";
import { FatalError, type Tool } from "./queue_tool.ts";

/** Messages that are handed on at once when the queue is read directly. */
const BATCH = 64;
const PIECE = 131072;

/**
 * Lists the queue into a sink, as showq does; for root, while the mail system is down, read from the queue itself. Every
 * step is some messages, the first one a single message if need be: somebody waits for it. Throws `FatalError` when
 * there is no listing to be had.
 */
export async function* listQueue(tool: Tool, sink: ListingSink): AsyncGenerator<void> {
  await requireAccess(tool, "authorized_mailq_users", "view the mail queue");
  const { config, log } = tool;
  let connection: Deno.UnixConn;
  try {
    connection = await connectService(config, "showq");
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    const what = `Connect to the ${config.string("mail_name")} showq service: ${error.message}`;
    if (error.kind === "denied") throw new FatalError(what);
    if (process.geteuid?.() !== 0) {
      throw new FatalError(`Queue report unavailable - mail system is down (${what})`);
    }
    log.warning(`Mail system is down -- accessing queue directly (${what})`);
    yield* readDirectly(tool, sink);
    return;
  }
  try {
    yield* receive(connection, sink);
  } catch (error) {
    if (!(error instanceof ListingError)) throw error;
    log.warning(error.message);
    throw new FatalError("malformed showq server response");
  } finally {
    connection.close();
  }
}

/** The messages of the queue in batches as they come. Throws as `listQueue` does. */
export async function* listedMessages(tool: Tool): AsyncGenerator<readonly ListedMessage[]> {
  const collector = new MessageCollector();
  for await (const _ of listQueue(tool, collector)) yield collector.take();
}

function* readDirectly({ config, log }: Tool, sink: ListingSink): Generator<void> {
  const queue = openQueue(config);
  const options = withBounced(queue, listingOptions(config, (text) => log.warning(text)));
  let count = 0;
  for (const name of LISTED_QUEUES) {
    for (const _ of queue.listInto(name, options, sink)) {
      if (count % BATCH === 0) yield;
      count += 1;
    }
  }
  yield;
}

async function* receive(connection: Deno.UnixConn, sink: ListingSink): AsyncGenerator<void> {
  const reader = new ListingReader(sink);
  const buffer = new Uint8Array(PIECE);
  while (!reader.done) {
    const count = await connection.read(buffer);
    if (count === null) {
      throw new ListingError("the server closed the connection before the end of the listing");
    }
    reader.push(buffer.subarray(0, count));
    yield;
  }
}
