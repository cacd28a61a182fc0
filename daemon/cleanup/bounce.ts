/** Sending bad local mail back: there is no client that could tell its sender. */
import { decodeText } from "../../core/bytes/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import { parseAttribute, readRecords, type Recipient, RecordType } from "../../core/queue/mod.ts";
import { splitStatus } from "../../core/status/mod.ts";
import { deliveryLine, type DeliveryStatus, lineStyle } from "../delivery/mod.ts";
import { statusDetail } from "./status.ts";
import type { MessageState } from "./state.ts";
import { CleanupFlag, CleanupStatus } from "./types.ts";

/** What can't be sent back, or would only be sent back because of our own trouble. */
const CANNOT_BOUNCE = CleanupStatus.Bad | CleanupStatus.Write | CleanupStatus.NoRecipients |
  CleanupStatus.Defer;

/** What became of a recipient that no delivery agent will see. */
export function logOutcome(
  state: MessageState,
  recipient: Recipient,
  outcome: { readonly dsn: string; readonly status: DeliveryStatus; readonly reason: string },
): void {
  const { deps, log } = state.context;
  const arrival = state.arrival === undefined ? 0 : state.arrival.seconds + state.arrival.micros / 1e6;
  const times = { incoming: arrival, active: 0, agent: 0, connected: 0, delivered: 0, reuse: 0 };
  const detail = { relay: "none", ...outcome };
  const { text, fields } = deliveryLine(
    state.queueId,
    recipient,
    times,
    detail,
    lineStyle(deps.config),
    Date.now() / 1000,
  );
  log.info(text, "delivery", fields);
}

/** Is the message to be returned to its sender by cleanup itself? */
export function bounces(state: MessageState): boolean {
  return state.errors !== 0 && (state.flags & CleanupFlag.Bounce) !== 0 &&
    (state.errors & CANNOT_BOUNCE) === 0 && state.context.deps.bounce !== undefined;
}

/**
 * Logs and bounces every recipient. The queue file must be on disk, complete or not. On success the errors are gone;
 * otherwise `Write` is set and the client keeps the message.
 */
export async function bounceMessage(state: MessageState): Promise<void> {
  const { deps } = state.context;
  const bounce = deps.bounce!;
  const { dsn, text } = explanation(state);
  try {
    for (const recipient of recipientsOf(state)) {
      logOutcome(state, recipient, { dsn, status: "bounced", reason: text });
      await bounce.append("bounce", state.queueId, 0, recipient, "failed", { status: dsn, reason: text });
    }
    await bounce.flush("bounce", {
      flags: 1,
      queueName: "incoming",
      queueId: state.queueId,
      encoding: state.attributes.get("encoding") ?? "",
      sendopts: state.sendopts,
      sender: state.sender ?? "",
      envelopeId: state.envelopeId,
      returnFlags: state.returnFlags,
      ...(state.verpDelimiters === undefined || !state.context.settings.verpBounces
        ? {}
        : { verpDelimiters: state.verpDelimiters }),
    });
    state.errors = 0;
  } catch (error) {
    state.warn(`cannot return message to sender: ${messageOf(error)}`);
    state.errors |= CleanupStatus.Write;
  }
}

function explanation(state: MessageState): { dsn: string; text: string } {
  const standard = statusDetail(state.errors);
  if (state.reason === "") return standard;
  const { status, text } = splitStatus(state.reason, standard.dsn);
  return { dsn: status, text };
}

/** The recipients that were written to the file so far. */
function* recipientsOf(state: MessageState): Generator<Recipient> {
  const parts = [
    { bytes: state.head.view(), base: 0 },
    { bytes: state.tail.view(), base: state.extractedOffset },
  ];
  for (const { bytes, base } of parts) {
    let original = "";
    let dsnOriginal = "";
    let notify = 0;
    for (const { type, offset, data } of readRecords(bytes)) {
      const text = decodeText(data);
      if (type === RecordType.OriginalRecipient) original = text;
      else if (type === RecordType.Attribute) {
        const attribute = parseAttribute(text);
        if (attribute?.name === "dsn_orig_rcpt") dsnOriginal = attribute.value;
        else if (attribute?.name === "notify_flags") notify = Number(attribute.value);
      } else if (type === RecordType.Recipient) {
        yield { address: text, original, dsnOriginal, notify, offset: base + offset };
        original = dsnOriginal = "";
        notify = 0;
      }
    }
  }
}
