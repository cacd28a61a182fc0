import type { Recipient } from "../../core/queue/types.ts";
import { type BounceTarget, DeliveryFlag, type DeliveryRequest, SendOption } from "../delivery/types.ts";
import { verpSender } from "../bounce/mod.ts";
import { ACTIVE, type ActiveMessage } from "./message.ts";

/** What changes from one delivery of a message to the next. */
export interface RequestDetail {
  readonly nexthop: string;
  readonly recipients: readonly Recipient[];
  /** Seconds; 0 if no agent is involved. */
  readonly handedOver: number;
  /** May the agent use and leave behind an open connection? */
  readonly reuseConnections: boolean;
}

/** The request for one delivery. */
export function deliveryRequest(message: ActiveMessage, detail: RequestDetail): DeliveryRequest {
  const { envelope } = message;
  const { recipients } = detail;
  // With other recipients, whatever became of them, the file may live on.
  const last = envelope.recipientCount === 1 && recipients.length === 1;
  const disposition = envelope.inspector === undefined
    ? DeliveryFlag.MarkDone | DeliveryFlag.Bounce
    : DeliveryFlag.Bounce;
  const connections = detail.reuseConnections ? DeliveryFlag.CacheLoad | DeliveryFlag.CacheStore : 0;
  return {
    flags: message.traceFlags | disposition | connections,
    queueName: ACTIVE,
    queueId: message.id,
    contentOffset: envelope.contentOffset,
    contentSize: envelope.contentSize,
    messageSize: envelope.messageSize,
    nexthop: detail.nexthop,
    encoding: envelope.attributes.get("encoding") ?? "",
    sendopts: envelope.sendopts | utf8Recipient(envelope.sendopts, recipients),
    sender: sender(message, recipients),
    envelopeId: envelope.envelopeId,
    returnFlags: envelope.returnFlags,
    times: {
      incoming: envelope.arrival.seconds + envelope.arrival.micros / 1e6,
      active: message.activeSince,
      agent: detail.handedOver,
      connected: 0,
      delivered: 0,
      reuse: 0,
    },
    attributes: envelope.attributes,
    recipients,
    ...(last ? { lastRecipient: true } : {}),
  };
}

function utf8Recipient(sendopts: number, recipients: readonly Recipient[]): number {
  if ((sendopts & SendOption.Smtputf8) === 0) return 0;
  // deno-lint-ignore no-control-regex -- ASCII is meant
  return recipients.some(({ address }) => /[^\x00-\x7f]/.test(address)) ? SendOption.Smtputf8Recipient : 0;
}

function sender(message: ActiveMessage, recipients: readonly Recipient[]): string {
  const { sender, verpDelimiters } = message.envelope;
  const [recipient] = recipients;
  if (verpDelimiters === undefined || sender === "" || recipient === undefined) return sender;
  return verpSender(sender, recipient.original || recipient.address, verpDelimiters);
}

/** The message as the bounce, defer and trace services want it named. */
export function bounceTarget(message: ActiveMessage, flags: number, verp: boolean): BounceTarget {
  const { envelope } = message;
  const base = {
    flags,
    queueName: ACTIVE,
    queueId: message.id,
    encoding: envelope.attributes.get("encoding") ?? "",
    sendopts: envelope.sendopts,
    sender: envelope.sender,
    envelopeId: envelope.envelopeId,
    returnFlags: envelope.returnFlags,
  };
  return verp && envelope.verpDelimiters !== undefined
    ? { ...base, verpDelimiters: envelope.verpDelimiters }
    : base;
}
