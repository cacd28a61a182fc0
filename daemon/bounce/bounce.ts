import { toExternal } from "../../core/address/mod.ts";
import type { Config } from "../../core/config/mod.ts";
import { composeNotice, expandTemplate, type NoticeRecipient } from "../../core/dsn/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { type LogName, type LogRecord, type Queue, QueueFileError } from "../../core/queue/mod.ts";
import type { CleanupService } from "../cleanup/types.ts";
import { type BounceService, type BounceTarget, SendOption } from "../delivery/types.ts";
import { openOriginal, type Original } from "./original.ts";
import { copyFor, type NoticeKind, type NoticePlan, toPostmaster, toSender } from "./plan.ts";
import { postMail } from "./post.ts";
import { readSettings } from "./settings.ts";
import { verpSender } from "./verp.ts";

/** What the bounce service stands on. */
export interface BounceDeps {
  readonly config: Config;
  readonly queue: Pick<
    Queue,
    "appendLog" | "readLog" | "removeLog" | "readEnvelope" | "openContent" | "markDone"
  >;
  readonly cleanup: CleanupService;
  /** In the name of `postfix/bounce`. */
  readonly log: Logger;
}

/** `flags` of a flush request. */
export const BounceFlag = {
  /** Remove the log even if no notice could be sent: the client will not ask again. */
  Clean: 1,
  /** Mark the recipients that were reported as done. */
  MarkDone: 2,
} as const;

/** Makes the bounce, defer and trace services of one configuration snapshot. Throws `ConfigError`. */
export function createBounce(deps: BounceDeps): BounceService {
  const { config, queue, cleanup, log } = deps;
  const warn = (text: string) => log.warning(text);
  const settings = readSettings(config, warn);

  function isDoubleBounce(sender: string): boolean {
    return sender.toLowerCase() === settings.doubleBounceSender.toLowerCase();
  }

  /** A recipient without NOTIFY wants failures and delays told; postmasters want to know of all. */
  function wants(recipient: LogRecord["recipient"], asked: number | undefined): boolean {
    return asked === undefined || recipient.notify === 0 || (recipient.notify & asked) !== 0;
  }

  /** Sends one notice; false if none of the recipients wants it. Throws if it could not be queued. */
  async function send(
    plan: NoticePlan,
    target: BounceTarget,
    original: Original,
    entries: readonly LogRecord[],
  ): Promise<boolean> {
    const recipients: NoticeRecipient[] = entries.filter((entry) => wants(entry.recipient, plan.asked));
    if (recipients.length === 0 && entries.length > 0) return false;
    const template = settings.templates[plan.template];
    const { sizeLimit, queueLifetime } = settings;
    // RFC 8689 section 5: the way back may be less protected than the way here.
    const redacted = settings.redactRequireTls && (target.sendopts & SendOption.RequireTls) !== 0;
    original.rewind();
    const content = composeNotice({
      subject: original.subject,
      to: plan.to,
      template,
      text: plan.copy ? undefined : expandTemplate(template, config, warn),
      recipients,
      headersOnly: plan.headersOnly || redacted || (sizeLimit > 0 && original.size > sizeLimit),
      sizeLimit,
      ...(plan.template === "delay" ? { retryUntil: (original.subject.arrival ?? 0) + queueLifetime } : {}),
      hostname: settings.hostname,
      mailName: settings.fieldName,
      utf8: settings.utf8,
      now: Date.now() / 1000,
    });
    const { sendopts, queueId } = target;
    const id = await postMail(cleanup, settings, {
      sender: plan.from,
      recipient: plan.to,
      sendopts,
      content,
    });
    log.info(`${queueId}: ${plan.logAs}: ${id}`, "notice", { queueId, noticeId: id, notice: plan.logAs });
    return true;
  }

  /** Tells the sender and the postmaster about `entries`. Throws if whoever must be told could not be. */
  async function tell(
    kind: NoticeKind,
    target: BounceTarget,
    original: Original,
    entries: readonly LogRecord[],
    to = target.sender,
  ): Promise<void> {
    if (isDoubleBounce(target.sender)) {
      // A bounce of a bounce of a bounce: nobody is left to tell, and an answer would go round for ever.
      if (kind === "trace") {
        log.info(`${target.queueId}: not sending trace/success notification for double-bounce message`);
      } else warn(`${target.queueId}: undeliverable postmaster notification discarded`);
      return;
    }
    if (target.sender === "") {
      const plan = toPostmaster(settings, kind);
      if (plan !== undefined) await send(plan, target, original, entries);
      else if (kind === "trace") {
        log.info(`${target.queueId}: not sending trace/success notification for single-bounce message`);
      }
      return;
    }
    await send(toSender(kind, target, to), target, original, entries);
    const copy = copyFor(settings, kind);
    if (copy === undefined) return;
    try {
      await send(copy, target, original, entries);
    } catch (error) {
      // The sender knows; asking again would tell the sender twice.
      warn(
        `${target.queueId}: no postmaster notification: ${messageOf(error)}`,
      );
    }
  }

  async function withOriginal(
    target: BounceTarget,
    work: (original: Original) => Promise<void>,
  ): Promise<void> {
    const original = openOriginal(queue, target, settings.daemonAddress, warn);
    try {
      await work(original);
    } finally {
      original.close();
    }
  }

  function readLog(name: LogName, id: string): LogRecord[] {
    return queue.readLog(name, id).map((entry) => ({ ...entry, reason: entry.reason.trim() }));
  }

  /** One notice for each recipient, to an address that names it (VERP). */
  async function tellEach(
    target: BounceTarget,
    delimiters: string,
    original: Original,
    entries: readonly LogRecord[],
  ): Promise<void> {
    for (const entry of entries) {
      const recipient = entry.recipient.original || entry.recipient.address;
      await tell("failure", target, original, [entry], verpSender(target.sender, recipient, delimiters));
    }
  }

  async function flush(name: LogName, target: BounceTarget): Promise<void> {
    const { queueId, queueName, flags, verpDelimiters } = target;
    const kind = name === "trace" ? "trace" : "failure";
    try {
      const entries = readLog(name, queueId).map((entry) =>
        // What waited in the defer log has failed for good now.
        kind === "failure" ? { ...entry, action: "failed" } : entry
      );
      if (kind === "failure" || entries.length > 0) {
        if (verpDelimiters !== undefined && target.sender === "") {
          warn("request to send VERP-style notification of bounced mail");
        }
        const single = verpDelimiters !== undefined && target.sender !== "" && kind === "failure" &&
          entries.length > 0 && !isDoubleBounce(target.sender);
        await withOriginal(
          target,
          (original) =>
            single
              ? tellEach(target, verpDelimiters, original, entries)
              : tell(kind, target, original, entries),
        );
      }
      if (kind === "failure" && (flags & BounceFlag.MarkDone) !== 0) {
        markDone(queueName, queueId, entries);
      }
    } catch (error) {
      if (kind === "failure" && (flags & BounceFlag.Clean) !== 0) queue.removeLog(name, queueId);
      throw error;
    }
    queue.removeLog(name, queueId);
  }

  function markDone(queueName: BounceTarget["queueName"], id: string, entries: readonly LogRecord[]): void {
    try {
      queue.markDone(queueName, id, entries.map((entry) => entry.recipient.offset));
    } catch (error) {
      if (!(error instanceof QueueFileError) || error.kind !== "missing") throw error;
    }
  }

  return {
    append: (name, queueId, _flags, recipient, action, detail) =>
      queue.appendLog(name, queueId, { ...detail, recipient, action }),
    flush,
    async warn(target) {
      const entries = readLog("defer", target.queueId);
      if (entries.length === 0) return;
      await withOriginal(target, (original) => tell("delay", target, original, entries));
    },
    async one(target, recipient, detail) {
      const quoted = (address: string) => (address === "" ? "" : toExternal(address));
      const entry: LogRecord = {
        ...detail,
        action: "failed",
        recipient: {
          ...recipient,
          address: quoted(recipient.address),
          original: quoted(recipient.original),
        },
      };
      await withOriginal(target, (original) => tell("failure", target, original, [entry]));
    },
  };
}
