/**
 * showq(8): lists the queue to whoever connects. It takes no request and answers with the whole listing; the messages are
 * read while they are sent, so that a long listing neither fills the memory nor keeps the rest of the process waiting.
 */
import { announcement, AttributeWriter, type ByteSink } from "../../core/ipc/mod.ts";
import type { Config } from "../../core/config/types.ts";
import type { Logger } from "../../core/log/mod.ts";
import { type ListingOptions, listQueuesInto, type Queue } from "../../core/queue/mod.ts";
import { ListingWriter, type ShowqLevel } from "./wire.ts";

export { ListingError, ListingParser, ListingWriter, type ShowqLevel } from "./wire.ts";
export { type UserAccess, userAccess, type UserList } from "./user_access.ts";
export {
  listenForUsers,
  type UserConnection,
  type UserServer,
  type UserServerOptions,
} from "./user_socket.ts";

/** What a listing service works with. */
export interface ShowqDeps {
  readonly queue: Queue;
  readonly config: Config;
  readonly log: Logger;
}

/** Serves listings. */
export interface Showq {
  /** Sends one listing; the caller closes the connection. A client that goes away early is not an error. */
  serve(client: ByteSink): Promise<void>;
}

/** A piece of the listing that leaves in one write. */
const PIECE = 32768;

/** The settings of a listing from main.cf. */
export function listingOptions(config: Config, warn: (text: string) => void): ListingOptions {
  return {
    emptyAddress: config.string("empty_address_recipient"),
    duplicateLimit: config.int("duplicate_filter_limit"),
    warn,
  };
}

/** Which form of the listing `postel_wire_level` asks for. */
export function showqLevel(config: Config): ShowqLevel {
  return config.string("postel_wire_level") === "3.7" ? "3.7" : "3.11";
}

/** Makes the listing service. */
export function createShowq(deps: ShowqDeps): Showq {
  const { queue, config, log } = deps;
  const level = showqLevel(config);
  const options = listingOptions(config, (text) => log.warning(text));
  return {
    async serve(client) {
      const writer = new AttributeWriter();
      try {
        await writeAll(client, announcement("showq"));
        const sink = new ListingWriter(writer, level);
        // The first message leaves at once.
        let piece = 0;
        for (const _ of listQueuesInto(queue, options, sink)) {
          if (writer.length <= piece) continue;
          piece = PIECE;
          await writer.flush(client);
        }
        writer.end();
        await writer.flush(client);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },
  };
}

async function writeAll(client: ByteSink, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await client.write(rest));
}

/** Did the client close before the end (`postqueue -p | head`)? */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset;
}
