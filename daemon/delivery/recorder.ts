/**
 * What happens when a delivery agent is through with a recipient (bounce(3), defer(3), sent(3) of Postfix): a log line,
 * an entry in the bounce, defer or trace log, and the mark in the queue file, in an order that never loses a
 * recipient: the mark comes last, after everything that must follow from the outcome is on disk.
 */
import type { Config } from "../../core/config/types.ts";
import { messageOf } from "../../core/errors/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { Notify, type Queue, type Recipient } from "../../core/queue/types.ts";
import { isStatus } from "../../core/status/mod.ts";
import { deliveryLine, type DeliveryStatus, lineStyle } from "./log_line.ts";
import {
  type BounceService,
  DeliveryFlag,
  type DeliveryRecorder,
  type DeliveryRequest,
  type DsnAction,
  type DsnDetail,
} from "./types.ts";

/** What an address probe found out, as the verify service stores it. */
export type ProbeResult = "deliverable" | "deferred" | "undeliverable";

export interface RecorderDeps {
  readonly config: Config;
  readonly queue: Pick<Queue, "markDone">;
  readonly bounce: BounceService;
  /** In the name of the agent: `postfix/smtp`. */
  readonly log: Logger;
  /** Remembers for `ETRN` and `postqueue -s` that mail for `site` waits in `queueId`. */
  readonly flushAdd?: (site: string, queueId: string) => void;
  /** Stores the outcome of a probe; rejects when it could not be stored. */
  readonly verify?: (address: string, result: ProbeResult, reason: string) => Promise<void>;
  /** Seconds since the epoch with fraction. */
  readonly now?: () => number;
}

/** Makes the recorder of one delivery agent. */
export function createRecorder(deps: RecorderDeps): DeliveryRecorder {
  const { config, queue, bounce, log } = deps;
  const style = lineStyle(config);
  const softBounce = config.bool("soft_bounce");
  const negativeProbes = config.bool("address_verify_negative_cache");
  const now = deps.now ?? (() => Date.now() / 1000);

  function say(
    request: DeliveryRequest,
    recipient: Recipient,
    relay: string,
    detail: DsnDetail,
    status: DeliveryStatus,
  ): void {
    const { text, fields } = deliveryLine(
      request.queueId,
      recipient,
      request.times,
      { relay, dsn: detail.status, status, reason: detail.reason },
      style,
      now(),
    );
    log.info(text, "delivery", fields);
  }

  function mark(request: DeliveryRequest, recipient: Recipient): void {
    if ((request.flags & DeliveryFlag.MarkDone) === 0 || recipient.offset < 0) return;
    try {
      queue.markDone(request.queueName, request.queueId, [recipient.offset]);
    } catch (error) {
      // Unmarked means delivered once more after a restart, never lost.
      log.warning(`${request.queueId}: cannot mark recipient as done: ${messageOf(error)}`);
    }
  }

  /** Adds to a log; false (and said so) if that failed. */
  async function append(
    which: "bounce" | "defer" | "trace",
    request: DeliveryRequest,
    recipient: Recipient,
    action: DsnAction,
    detail: DsnDetail,
  ): Promise<boolean> {
    try {
      await bounce.append(which, request.queueId, request.flags, recipient, action, detail);
      return true;
    } catch (error) {
      log.warning(`${request.queueId}: ${which} service failure: ${messageOf(error)}`);
      return false;
    }
  }

  function trace(
    request: DeliveryRequest,
    recipient: Recipient,
    relay: string,
    action: DsnAction,
    detail: DsnDetail,
  ): Promise<boolean> {
    return append("trace", request, recipient, action, { ...detail, reason: viaRelay(relay, detail.reason) });
  }

  /** The end of an address probe: nobody gets mail or a notice, the answer goes to who asked. */
  async function probed(
    request: DeliveryRequest,
    recipient: Recipient,
    relay: string,
    detail: DsnDetail,
    result: ProbeResult,
  ): Promise<boolean> {
    const action = result === "deliverable" ? "deliverable" : "undeliverable";
    const stored = (request.flags & DeliveryFlag.ProbeMta) !== 0
      ? await storeProbe(request, recipient, detail, result)
      : await trace(request, recipient, relay, action, detail);
    if (!stored) return false;
    const forgotten = action === "undeliverable" && !negativeProbes &&
      (request.flags & DeliveryFlag.ProbeMta) !== 0;
    say(request, recipient, relay, detail, forgotten ? "undeliverable-but-not-cached" : action);
    mark(request, recipient);
    return true;
  }

  async function storeProbe(
    request: DeliveryRequest,
    recipient: Recipient,
    detail: DsnDetail,
    result: ProbeResult,
  ): Promise<boolean> {
    if (deps.verify === undefined || (result !== "deliverable" && !negativeProbes)) return true;
    const { reason } = detail;
    try {
      if (recipient.original !== "") await deps.verify(recipient.original, result, reason);
      if (recipient.original !== recipient.address) await deps.verify(recipient.address, result, reason);
      return true;
    } catch (error) {
      log.warning(`${request.queueId}: verify service failure: ${messageOf(error)}`);
      return false;
    }
  }

  async function sent(
    request: DeliveryRequest,
    recipient: Recipient,
    relay: string,
    given: DsnDetail,
  ): Promise<boolean> {
    const detail = checkedStatus(given, "2", "sent");
    if (isProbe(request)) return await probed(request, recipient, relay, detail, "deliverable");
    const action = detail.action ?? "delivered";
    const traced = wantsTrace(request, recipient);
    if (traced && !(await trace(request, recipient, relay, action, detail))) {
      return await deferred(request, recipient, relay, {
        status: "4.3.0",
        reason: `${request.queueId}: trace service failed`,
      });
    }
    say(request, recipient, relay, detail, "sent");
    if (traced || request.lastRecipient !== true) mark(request, recipient);
    return true;
  }

  async function bounced(
    request: DeliveryRequest,
    recipient: Recipient,
    relay: string,
    given: DsnDetail,
  ): Promise<boolean> {
    const detail = checkedStatus(given, "5", "bounce_append");
    if (isProbe(request)) return await probed(request, recipient, relay, detail, "undeliverable");
    const told = softBounce ? softened(detail) : detail;
    const action = softBounce ? "delayed" : "failed";
    const logged = await append(softBounce ? "defer" : "bounce", request, recipient, action, told) &&
      ((request.flags & DeliveryFlag.ReportUser) === 0 ||
        await trace(request, recipient, relay, action, told));
    if (!logged) {
      return await deferred(request, recipient, relay, {
        status: "4.3.0",
        reason: "bounce or trace service failure",
      });
    }
    say(request, recipient, relay, told, softBounce ? "SOFTBOUNCE" : "bounced");
    if (softBounce) return false;
    mark(request, recipient);
    return true;
  }

  async function deferred(
    request: DeliveryRequest,
    recipient: Recipient,
    relay: string,
    given: DsnDetail,
  ): Promise<boolean> {
    const detail = checkedStatus(given, "4", "defer_append");
    if (isProbe(request)) return await probed(request, recipient, relay, detail, "deferred");
    const logged = await append("defer", request, recipient, "delayed", detail) &&
      ((request.flags & DeliveryFlag.ReportUser) === 0 ||
        await trace(request, recipient, relay, "delayed", detail));
    if (logged) say(request, recipient, relay, detail, "deferred");
    const site = recipient.address.slice(recipient.address.lastIndexOf("@") + 1);
    if (recipient.address.includes("@") && site !== "") deps.flushAdd?.(site, request.queueId);
    return false;
  }

  function checkedStatus(detail: DsnDetail, expected: string, what: string): DsnDetail {
    if (isStatus(detail.status) && detail.status[0] === expected) return detail;
    log.warning(`${what}: ignoring dsn code "${detail.status}"`);
    return { ...detail, status: `${expected}.0.0` };
  }

  return { sent, bounced, deferred };
}

function isProbe(request: DeliveryRequest): boolean {
  return (request.flags & (DeliveryFlag.ProbeMta | DeliveryFlag.ProbeUser)) !== 0;
}

/** Is somebody to be told of a success: NOTIFY=SUCCESS, `sendmail -v`, or the end of a delay that was announced? */
function wantsTrace(request: DeliveryRequest, recipient: Recipient): boolean {
  if ((recipient.notify & Notify.Success) !== 0) return true;
  if ((request.flags & DeliveryFlag.ReportUser) !== 0) return true;
  return (request.flags & DeliveryFlag.DelayReport) !== 0 &&
    (recipient.notify === 0 || (recipient.notify & Notify.Delay) !== 0);
}

function viaRelay(relay: string, reason: string): string {
  return relay === "none" ? reason : `delivery via ${relay}: ${reason}`;
}

/** A failure for good told as one for now (`soft_bounce`): both codes turn from 5 to 4. */
function softened(detail: DsnDetail): DsnDetail {
  const diagnostic = detail.diagnostic?.type === "smtp" && detail.diagnostic.text.startsWith("5")
    ? { type: "smtp", text: "4" + detail.diagnostic.text.slice(1) }
    : detail.diagnostic;
  return {
    ...detail,
    status: "4" + detail.status.slice(1),
    ...(diagnostic === undefined ? {} : { diagnostic }),
  };
}
