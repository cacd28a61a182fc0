/**
 * cleanup(8): takes a message as framed records, completes and checks it, and puts it into the incoming queue. A
 * message counts as accepted (status 0) only when its file is complete, synced and marked ready; on any error the file
 * is removed and the client hears a status that says why.
 *
 * It logs `ID: message-id=<...>`, what header and body checks did, and refusals.
 */
import type { CleanupDeps } from "./deps.ts";
import { Message } from "./message.ts";
import { readSettings } from "./settings.ts";
import { type Context, MessageState } from "./state.ts";
import type { CleanupService } from "./types.ts";

export type { AddressRewriting, CleanupDeps, QueueFiles } from "./deps.ts";
export * from "./types.ts";

/** Makes the service for one configuration snapshot. Throws `ConfigError`. */
export function createCleanup(deps: CleanupDeps): CleanupService {
  const context: Context = { deps, settings: readSettings(deps.config), log: deps.log };
  return {
    begin(flags) {
      return new Message(new MessageState(context, deps.queue.create("incoming"), flags));
    },
  };
}
