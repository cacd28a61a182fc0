import process from "node:process";
import { type ListedMessage, listQueues, openQueue } from "../core/queue/mod.ts";
import { ListingError, listingOptions, ListingParser } from "../daemon/showq/mod.ts";
import { connectService, UnreachableError } from "./postqueue_connect.ts";
import { FatalError, type Tool } from "./queue_tool.ts";

/** Messages that are handed on at once when the queue is read directly. */
const BATCH = 64;
const PIECE = 65536;

/**
 * The messages of the queue as showq lists them, in batches as they come; for root, while the mail system is down, read
 * from the queue itself. Throws `FatalError` when there is no listing to be had.
 */
export async function* listedMessages(tool: Tool): AsyncGenerator<readonly ListedMessage[]> {
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
    yield* readDirectly(tool);
    return;
  }
  try {
    yield* receive(connection);
  } catch (error) {
    if (!(error instanceof ListingError)) throw error;
    log.warning(error.message);
    throw new FatalError("malformed showq server response");
  } finally {
    connection.close();
  }
}

function* readDirectly({ config, log }: Tool): Generator<readonly ListedMessage[]> {
  let batch: ListedMessage[] = [];
  // The first message goes out at once: somebody waits for it.
  let wanted = 1;
  for (const message of listQueues(openQueue(config), listingOptions(config, (text) => log.warning(text)))) {
    batch.push(message);
    if (batch.length < wanted) continue;
    yield batch;
    batch = [];
    wanted = BATCH;
  }
  yield batch;
}

async function* receive(connection: Deno.UnixConn): AsyncGenerator<readonly ListedMessage[]> {
  const parser = new ListingParser();
  const buffer = new Uint8Array(PIECE);
  while (!parser.done) {
    const count = await connection.read(buffer);
    if (count === null) {
      throw new ListingError("the server closed the connection before the end of the listing");
    }
    yield parser.push(buffer.subarray(0, count));
  }
}
