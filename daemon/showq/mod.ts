/**
 * showq(8): lists the queue to whoever connects. It takes no request and answers with the whole listing; the messages are
 * read while they are sent, so that a long listing neither fills the memory nor keeps the rest of the process waiting.
 */
import { writeAll } from "../../core/bytes/mod.ts";
import { announcement, type ByteSink } from "../../core/ipc/mod.ts";
import type { Config } from "../../core/config/types.ts";
import type { Logger } from "../../core/log/mod.ts";
import type { ListingOptions, Queue } from "../../core/queue/mod.ts";
import { type ListingHelper, ListingRun } from "./listing.ts";
import { type ListingSource, serveShare, type ShareConnection } from "./share.ts";
import type { ShowqLevel } from "./wire.ts";

export type { ShowqLevel } from "./wire.ts";
export { ListingError, ListingReader } from "./listing_reader.ts";
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
  /** Connects to a process that calls `serveListingShare`; without it, this process lists alone. */
  readonly helper?: ListingHelper;
}

/** Serves listings. */
export interface Showq {
  /** Sends one listing; the caller closes the connection. A client that goes away early is not an error. */
  serve(client: ByteSink): Promise<void>;
}

/** The settings of a listing from main.cf. */
export function listingOptions(config: Config, warn: (text: string) => void): ListingOptions {
  return {
    emptyAddress: config.string("empty_address_recipient"),
    duplicateLimit: config.int("duplicate_filter_limit"),
    warn,
  };
}

/** Which form of the listing `postel_wire_level` asks for. */
function showqLevel(config: Config): ShowqLevel {
  return config.string("postel_wire_level") === "3.7" ? "3.7" : "3.11";
}

function listingSource({ queue, config, log }: Omit<ShowqDeps, "helper">): ListingSource {
  return { queue, options: listingOptions(config, (text) => log.warning(text)), level: showqLevel(config) };
}

/** Makes the listing service. */
export function createShowq(deps: ShowqDeps): Showq {
  const source = listingSource(deps);
  return {
    async serve(client) {
      try {
        await writeAll(client, announcement("showq"));
        await new ListingRun(client, source, deps.helper).run();
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },
  };
}

/** Lists parts of the queue for a showq service in another process, until the connection ends. */
export async function serveListingShare(
  connection: ShareConnection,
  deps: Omit<ShowqDeps, "helper">,
): Promise<void> {
  try {
    await serveShare(connection, listingSource(deps));
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Did the client close before the end (`postqueue -p | head`)? */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset;
}
