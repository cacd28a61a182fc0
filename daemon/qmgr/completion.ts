/**
 * The end of a message's stay in the active queue: notices go out, then the file is removed, or moved to deferred with
 * the time of the next attempt. In this order: a crash in between repeats a notice, it never loses one.
 */
import { messageOf } from "../../core/errors/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { type Queue, QueueFileError } from "../../core/queue/types.ts";
import { type LineStyle, logAddress } from "../delivery/mod.ts";
import { type BounceService, DeliveryFlag } from "../delivery/types.ts";
import { ACTIVE, type ActiveMessage } from "./message.ts";
import { bounceTarget } from "./request.ts";
import type { QmgrSettings } from "./settings.ts";
import type { Clock } from "./types.ts";

/** `flags` of a bounce request: also mark the recipients of the log as done. */
const MARK_LOGGED = 2;

export interface CompletionDeps {
  readonly queue: Queue;
  readonly bounce: BounceService;
  readonly log: Logger;
  readonly clock: Clock;
  settings: QmgrSettings;
  style: LineStyle;
}

/** Where a message went; `stranded`: its file could not be moved or removed and still is in active. */
export type Outcome = "removed" | "deferred" | "corrupt" | "stranded";

/** Ends a message. Does its work at once if no notice is due. */
export function complete(deps: CompletionDeps, message: ActiveMessage): Outcome | Promise<Outcome> {
  const { queue } = deps;
  if (message.deferred || queue.hasLog("bounce", message.id) || queue.hasLog("trace", message.id)) {
    return completeWithNotices(deps, message);
  }
  return remove(deps, message);
}

async function completeWithNotices(deps: CompletionDeps, message: ActiveMessage): Promise<Outcome> {
  const { queue, bounce, settings } = deps;
  const { id, envelope } = message;
  const verp = !settings.verpBounceOff;
  if (message.deferred && marksCorruption(deps, message)) return corrupt(deps, message);
  if (queue.hasLog("bounce", id)) {
    await attempt(deps, message, () => bounce.flush("bounce", bounceTarget(message, 0, verp)));
  }
  if (queue.hasLog("trace", id)) {
    // The flags say whether sendmail -bv or -v asked, which reads otherwise than a report of success.
    const target = bounceTarget(message, message.traceFlags, false);
    const sent = await attempt(deps, message, () => bounce.flush("trace", target));
    const reported = message.traceFlags === DeliveryFlag.ReportUser;
    if (sent && reported && envelope.traceOffset !== undefined && message.deferred) {
      queue.killTrace(ACTIVE, id, envelope.traceOffset);
    }
  }
  if (message.deferred && isExpired(deps, message)) {
    const how = message.forceExpired ? "force-expired" : "expired";
    deps.log.info(
      `${id}: from=<${logAddress(envelope.sender, deps.style)}>, status=${how}, returned to sender`,
      "expired",
      { queue_id: id, from: envelope.sender, status: how },
    );
    message.deferred = false;
    await attempt(deps, message, () => bounce.flush("defer", bounceTarget(message, MARK_LOGGED, verp)));
  } else if (message.deferred && warningIsDue(deps, message)) {
    const { warning } = envelope;
    const sent = await attempt(deps, message, () => bounce.warn(bounceTarget(message, 0, verp)));
    if (sent) queue.markWarned(ACTIVE, id, warning!.offset);
  }
  return message.deferred ? defer(deps, message) : remove(deps, message);
}

/** Does what may fail; a failure means that the message stays, so that it is tried again. */
async function attempt(
  deps: CompletionDeps,
  message: ActiveMessage,
  action: () => Promise<void>,
): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    deps.log.warning(`${message.id}: bounce service failure: ${messageOf(error)}`);
    message.deferred = true;
    return false;
  }
}

function isExpired({ clock, settings }: CompletionDeps, message: ActiveMessage): boolean {
  if (message.forceExpired) return true;
  const { sender, createTime } = message.envelope;
  return clock.now() >= createTime + (sender === "" ? settings.bounceLifetime : settings.maximalLifetime);
}

function warningIsDue({ clock }: CompletionDeps, message: ActiveMessage): boolean {
  const { warning } = message.envelope;
  return warning !== undefined && warning.seconds > 0 && clock.now() >= warning.seconds - 1;
}

/** An agent that finds a file damaged takes its mode away and says "deferred". */
function marksCorruption({ queue }: CompletionDeps, message: ActiveMessage): boolean {
  const info = queue.stat(ACTIVE, message.id);
  return info !== undefined && (info.mode & 0o700) !== 0o700;
}

function corrupt(deps: CompletionDeps, message: ActiveMessage): Outcome {
  return saveCorrupt(deps, message.id) ? "corrupt" : "stranded";
}

/** Moves a damaged file out of the way, with the line that says so. */
export function saveCorrupt({ queue, log }: Pick<CompletionDeps, "queue" | "log">, id: string): boolean {
  log.warning(`saving corrupt file "${id}" from queue "active" to queue "corrupt"`, "corrupt", {
    queue_id: id,
  });
  try {
    queue.corrupt(id, ACTIVE);
    return true;
  } catch (error) {
    log.warning(messageOf(error));
    return false;
  }
}

function remove({ queue, log }: CompletionDeps, message: ActiveMessage): Outcome {
  const { id } = message;
  try {
    if (queue.remove(ACTIVE, id)) log.info(`${id}: removed`, "removed", { queue_id: id });
    else log.warning(`${id}: remove from active: No such file or directory`);
    return "removed";
  } catch (error) {
    log.warning(`${id}: cannot remove the queue file: ${messageOf(error)}`);
    return "stranded";
  }
}

/** Moves a message to deferred; it is due again after as long as it has waited already, within limits. */
function defer({ queue, log, clock, settings }: CompletionDeps, message: ActiveMessage): Outcome {
  const now = clock.now();
  const waited = now - message.envelope.createTime;
  const backoff = Math.min(Math.max(waited, settings.minimalBackoff), settings.maximalBackoff);
  try {
    queue.move(message.id, ACTIVE, "deferred", Math.floor(now + backoff));
    return "deferred";
  } catch (error) {
    log.warning(`${message.id}: cannot defer: ${messageOf(error)}`);
    return error instanceof QueueFileError && error.kind === "missing" ? "removed" : "stranded";
  }
}
