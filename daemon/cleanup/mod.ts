/**
 * cleanup(8): takes a message as framed records, completes and checks it, and puts it into the incoming queue. A
 * message counts as accepted (status 0) only when its file is complete, synced and marked ready; on any error the file
 * is removed and the client hears a status that says why. With flag `Bounce` the message goes back to its sender
 * instead, and counts as accepted once that notice is on its way.
 *
 * It logs `ID: message-id=<...>`, what header and body checks did, and refusals.
 */
import { BufferPool } from "../../core/bytes/mod.ts";
import { mailDate } from "../../core/message/mod.ts";
import type { CleanupDeps } from "./deps.ts";
import { Message } from "./message.ts";
import { readSettings, unsupportedSettings } from "./settings.ts";
import { type Context, MessageState } from "./state.ts";
import type { CleanupService } from "./types.ts";

export type { CleanupDeps } from "./deps.ts";
export * from "./types.ts";
export { type StatusDetail, statusDetail } from "./status.ts";
export { serveCleanup } from "./server.ts";
export { completeMessage, type InternalMail, queueInternalMail, timeText } from "./internal_mail.ts";
export { createCleanupClient, type RemoteCleanup } from "./client.ts";
export { receiveOverride } from "./receive_override.ts";

/** So many buffers are kept; a message has four. */
const MOST_BUFFERS = 128;

/** Makes the service for one configuration snapshot. Throws `ConfigError` and `TableError`. */
export function createCleanup(deps: CleanupDeps): CleanupService {
  // Reads the name of the time zone from its file, which a process with few rights can't do later.
  mailDate(0);
  const context: Context = {
    buffers: new BufferPool(4096, 65536, MOST_BUFFERS),
    deps,
    settings: readSettings(deps.config, deps.tables),
    log: deps.log,
  };
  for (const complaint of unsupportedSettings(deps.config)) deps.log.warning(complaint);
  return {
    begin(flags) {
      return new Message(new MessageState(context, deps.queue.create("incoming"), flags));
    },
  };
}
