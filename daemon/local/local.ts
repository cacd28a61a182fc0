import type { Addressing } from "../../core/address/mod.ts";
import type { Config } from "../../core/config/types.ts";
import { messageOf } from "../../core/errors/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { type Queue, QueueFileError, type Recipient } from "../../core/queue/types.ts";
import type { TableSet } from "../../core/table/mod.ts";
import type { CleanupMessage } from "../cleanup/types.ts";
import {
  type BounceService,
  type DeliveryAgent,
  DeliveryFlag,
  type DeliveryRecorder,
  type DeliveryRequest,
  isDamage,
  markDamaged,
} from "../delivery/mod.ts";
import { deliveredAddresses, openOwnMaps, SharedContent } from "../mailbox/mod.ts";
import { deliverToAddresses, deliverToLines } from "./addresses.ts";
import { openAliasTables } from "./alias_tables.ts";
import { Forwards } from "./forward.ts";
import { deliverToInclude } from "./include.ts";
import { deliverToRecipient, firstState } from "./recipient.ts";
import { deliverResolved } from "./resolve.ts";
import { readSettings } from "./settings.ts";
import type { Context, LocalContextDeps, Steps } from "./state.ts";
import { Unsynced } from "./unsynced.ts";
import { Users } from "./user.ts";

export interface LocalDeps {
  readonly config: Config;
  readonly queue: Queue;
  readonly addressing: Addressing;
  readonly tables: TableSet;
  readonly bounce: BounceService;
  /** Makes the recorder; a list's owner gets bounces through a bounce service of its own. */
  readonly recorderWith: (bounce: BounceService) => DeliveryRecorder;
  /** Opens a new message, for mail that is sent on. Throws or rejects if cleanup can't be reached. */
  readonly beginMessage: (flags: number) => CleanupMessage | Promise<CleanupMessage>;
  /** The agent of another transport, for `mailbox_transport` and its like. */
  readonly agentFor: (transport: string) => DeliveryAgent;
  /** In the name of `postfix/local`. */
  readonly log: Logger;
  /** The name of the transport in master.cf. */
  readonly service: string;
  /** fsync(2), together with other files that are due. */
  readonly sync: (fd: number) => Promise<void>;
}

const steps: Steps = {
  recipient: deliverToRecipient,
  addresses: deliverToAddresses,
  lines: deliverToLines,
  resolve: deliverResolved,
  include: deliverToInclude,
};

/** Makes the agent for one configuration snapshot. Throws `ConfigError` or `TableError` if that can't be used. */
export function createLocal(deps: LocalDeps): DeliveryAgent {
  const settings = readSettings(deps.config);
  const contextDeps: LocalContextDeps = {
    ...deps,
    recorder: deps.recorderWith(deps.bounce),
    aliases: openAliasTables(deps),
    users: new Users(),
    maps: {
      mailboxTransport: openOwnMaps(deps, "mailbox_transport_maps"),
      mailboxCommand: openOwnMaps(deps, "mailbox_command_maps"),
      fallbackTransport: openOwnMaps(deps, "fallback_transport_maps"),
    },
  };

  /** Marks a recipient whose expansion is through; single deliveries mark theirs themselves. */
  function mark(request: DeliveryRequest, recipient: Recipient): void {
    if ((request.flags & DeliveryFlag.MarkDone) === 0 || recipient.offset < 0) return;
    try {
      deps.queue.markDone(request.queueName, request.queueId, [recipient.offset]);
    } catch (error) {
      // Unmarked means delivered once more after a restart, never lost.
      const why = messageOf(error);
      deps.log.warning(`${request.queueId}: cannot mark recipient as done: ${why}`);
    }
  }

  async function deliverOne(
    request: DeliveryRequest,
    recipient: Recipient,
    content: SharedContent,
    deliveredTo: ReadonlySet<string>,
  ): Promise<boolean> {
    const forwards = new Forwards();
    const unsynced = new Unsynced();
    const context: Context = {
      deps: contextDeps,
      settings,
      request,
      content,
      seen: new Set(),
      forwards,
      unsynced,
      deliveredTo,
      progress: { isMarked: false },
      steps,
    };
    const state = firstState(context, recipient);
    let finished = false;
    try {
      finished = await deliverToRecipient(context, state, undefined);
    } finally {
      finished = await unsynced.end() && finished;
    }
    // What must be tried again is tried again as a whole: nothing is sent on before.
    if (finished && !forwards.isEmpty) {
      finished = await forwards.send(context, { ...state, kind: "alias" });
    }
    if (finished && !context.progress.isMarked) mark(request, recipient);
    return finished;
  }

  async function deliverAll(request: DeliveryRequest, content: SharedContent): Promise<boolean> {
    let finished = true;
    for (const recipient of request.recipients) {
      try {
        const deliveredTo = deliveredAddresses(content.read());
        if (!await deliverOne(request, recipient, content, deliveredTo)) finished = false;
      } catch (error) {
        finished = false;
        if (isDamage(error)) {
          markDamaged(deps.queue, request);
          return false;
        }
        if (!(error instanceof QueueFileError)) {
          deps.log.error(
            `${request.queueId}: delivery broke off: ${messageOf(error)}`,
          );
        }
        const reason = error instanceof QueueFileError ? error.message : "local delivery agent trouble";
        await contextDeps.recorder.deferred(request, recipient, deps.service, { status: "4.3.0", reason });
      }
    }
    return finished;
  }

  return {
    async deliver(request) {
      const content = new SharedContent(deps.queue, request);
      try {
        return { finished: await deliverAll(request, content) };
      } finally {
        content.close();
      }
    },
  };
}
