import type { Logger } from "../../core/log/mod.ts";
import type { Config } from "../../core/config/types.ts";
import type { QueuedMessage, QueueWriter } from "../../core/queue/types.ts";
import type { MaybePromise } from "../../core/table/types.ts";

/** What cleanup wants of the queue: a new file. */
export interface QueueFiles {
  /** Throws `QueueFileError` `io`. */
  create(queue: "incoming"): QueueWriter;
}

/** What cleanup wants done with addresses; all in internal (unquoted) form. */
export interface AddressRewriting {
  /** Standard form: domain completed, `%` and `!` routes resolved as configured, for a local or remote origin. */
  rewrite(address: string, context: "local" | "remote"): MaybePromise<string>;
}

export interface CleanupDeps {
  readonly config: Config;
  readonly queue: QueueFiles;
  /** In the name of `postfix/cleanup`. */
  readonly log: Logger;
  readonly rewriting: AddressRewriting;
  /** Called when a message is on disk, before its client hears of it. Not called for mail on hold. */
  readonly onQueued?: (message: QueuedMessage) => void;
}
