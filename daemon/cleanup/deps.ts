import type { Rewriting } from "../../core/address/mod.ts";
import type { Config } from "../../core/config/types.ts";
import type { Logger } from "../../core/log/mod.ts";
import type { Queue, QueuedMessage } from "../../core/queue/mod.ts";
import type { TableSet } from "../../core/table/mod.ts";
import type { BounceService } from "../delivery/types.ts";

/** What cleanup stands on: one configuration snapshot and what was made from it. */
export interface CleanupDeps {
  readonly config: Config;
  readonly tables: Pick<TableSet, "list">;
  readonly queue: Pick<Queue, "create">;
  readonly rewriting: Rewriting;
  /** In the name of `postfix/cleanup`. */
  readonly log: Logger;
  /** Called when a message is on disk, before its client hears of it. Not called for mail on hold. */
  readonly onQueued?: (message: QueuedMessage) => void;
  /** Sends bad local mail back (flag `Bounce`); without it the client hears of the error instead. */
  readonly bounce?: Pick<BounceService, "append" | "flush">;
  /** Takes the answer about an address that needs no probe: it stands for several others. Without it, all are probed. */
  readonly deliverable?: (address: string, reason: string) => Promise<void>;
}
