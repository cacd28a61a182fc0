import {
  formatListing,
  formatListingJson,
  type ListedMessage,
  LISTING_EMPTY,
  listingFooter,
  listingHeader,
} from "../core/queue/mod.ts";
import { listedMessages } from "./queue_messages.ts";
import { print, type Tool } from "./queue_tool.ts";

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

/** `postqueue -p` and `-j`. Exit code 0; also when the reader of the output goes away early. */
export async function showQueue(tool: Tool, json: boolean): Promise<number> {
  const printer = json ? jsonPrinter() : mailqPrinter(tool.config.bool("enable_long_queue_ids"));
  for await (const batch of listedMessages(tool)) {
    for (const message of batch) if (!printer.add(message)) return 0;
  }
  printer.end();
  return 0;
}
