import process from "node:process";
import {
  formatListing,
  formatListingJson,
  type ListedMessage,
  LISTING_EMPTY,
  listingFooter,
  listingHeader,
  listQueues,
  openQueue,
} from "../core/queue/mod.ts";
import { ListingError, listingOptions, ListingParser } from "../daemon/showq/mod.ts";
import { connectService, UnreachableError } from "./postqueue_connect.ts";
import { FatalError, print, type Tool } from "./queue_tool.ts";

/** Text is printed in pieces of about this size; the first message at once. */
const PIECE = 65536;

/** Prints messages as they come. */
interface ListingPrinter {
  /** False when nobody reads any more. */
  add(message: ListedMessage): boolean;
  end(): void;
}

class BufferedOutput {
  #held = "";
  #started = false;

  write(text: string): boolean {
    this.#held += text;
    if (this.#started && this.#held.length < PIECE) return true;
    this.#started = true;
    return this.flush();
  }

  flush(): boolean {
    const text = this.#held;
    this.#held = "";
    return print(text);
  }
}

function mailqPrinter(longIds: boolean): ListingPrinter {
  const output = new BufferedOutput();
  let count = 0;
  let bytes = 0;
  return {
    add(message) {
      const lead = count === 0 ? listingHeader(longIds) : "\n";
      count += 1;
      bytes += message.size;
      return output.write(lead + formatListing(message, longIds));
    },
    end() {
      output.write(count === 0 ? LISTING_EMPTY : listingFooter(bytes, count));
      output.flush();
    },
  };
}

function jsonPrinter(): ListingPrinter {
  const output = new BufferedOutput();
  return {
    add: (message) => output.write(formatListingJson(message, true)),
    end: () => void output.flush(),
  };
}

/** `postqueue -p` and `-j`: asks showq, or, for root while the mail system is down, reads the queue itself. */
export async function showQueue(tool: Tool, json: boolean): Promise<number> {
  const { config, log } = tool;
  const printer = json ? jsonPrinter() : mailqPrinter(config.bool("enable_long_queue_ids"));
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
    for (
      const message of listQueues(
        openQueue(config),
        listingOptions(config, (text) => log.warning(text)),
      )
    ) {
      if (!printer.add(message)) return 0;
    }
    printer.end();
    return 0;
  }
  try {
    await receive(connection, printer);
  } catch (error) {
    if (!(error instanceof ListingError)) throw error;
    log.warning(error.message);
    throw new FatalError("malformed showq server response");
  } finally {
    connection.close();
  }
  return 0;
}

async function receive(connection: Deno.UnixConn, printer: ListingPrinter): Promise<void> {
  const parser = new ListingParser();
  const buffer = new Uint8Array(PIECE);
  while (!parser.done) {
    const count = await connection.read(buffer);
    if (count === null) {
      throw new ListingError("the server closed the connection before the end of the listing");
    }
    for (const message of parser.push(buffer.subarray(0, count))) {
      if (!printer.add(message)) return;
    }
  }
  printer.end();
}
