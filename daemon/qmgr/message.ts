import type { Envelope, QueueName, Recipient, RecipientCursor } from "../../core/queue/types.ts";
import { DeliveryFlag } from "../delivery/types.ts";
import type { QmgrSettings } from "./settings.ts";

/** Where messages that were taken into the active queue stand. */
export const ACTIVE: QueueName = "active";

/** A message in the active queue. Of its recipients it only keeps the count: entries of destinations hold them. */
export class ActiveMessage {
  /** Recipients that were read from the file and are not through yet. */
  outstanding = 0;
  /** Are recipients being routed at the moment? */
  routing = false;
  /** Where reading recipients goes on; undefined once all were read. */
  unread: RecipientCursor | undefined;
  /** At least one recipient must be tried again, or a notice could not be sent. */
  deferred = false;
  /** `postsuper -e`: to be returned without further attempts. */
  forceExpired = false;
  /** `postqueue -i`: its destinations are to be tried although they are dead. */
  unthrottle = false;
  /** Somebody asked for this attempt: `defer_transports` does not hold it back. */
  asked = false;
  /** Trace bits of its delivery requests. */
  readonly traceFlags: number;
  readonly sizeClass: number;
  readonly envelope: Envelope;

  constructor(
    readonly id: string,
    envelope: Envelope,
    /** Seconds, when it entered the active queue. */
    readonly activeSince: number,
    traceFlags: number,
  ) {
    this.traceFlags = traceFlags;
    this.sizeClass = sizeClass(envelope.recipientCount);
    this.unread = envelope.moreRecipients;
    // Recipients that are through are not to be kept for the sake of the others.
    this.envelope = envelope.recipients.length > 100 ? { ...envelope, recipients: [] } : envelope;
  }
}

/** Number of size classes: up to 1, 10, 100, 1000, 10000 recipients, and more. */
export const SIZE_CLASSES = 6;

/** Messages with about as many recipients wait in one line; no class waits for another to be through. */
function sizeClass(recipients: number): number {
  let most = 1;
  for (let index = 0; index < SIZE_CLASSES - 1; index++) {
    if (recipients <= most) return index;
    most *= 10;
  }
  return SIZE_CLASSES - 1;
}

/** Trace bits of a message's delivery requests: those in its file, and whether the end of a delay is to be told. */
export function traceFlags(envelope: Envelope, settings: QmgrSettings): number {
  const flags = Number(envelope.attributes.get("trace_flags") ?? 0) | 0;
  const warned = (envelope.warning?.seconds ?? 0) < 0;
  return warned && settings.confirmDelayCleared ? flags | DeliveryFlag.DelayReport : flags;
}

/** Recipients of one message that go to one destination in one delivery. */
export interface Entry {
  readonly message: ActiveMessage;
  readonly recipients: Recipient[];
  /** The next one waiting for the same destination in the same size class. */
  next: Entry | undefined;
}
