/**
 * The seam between the queue manager and the delivery agents, and between both and the bounce service. It carries what
 * Postfix's delivery request protocol carries (docs/ipc.md), so that an agent can sit in the same process or behind a
 * UNIX socket.
 */
import type { QueueName, Recipient } from "../../core/queue/types.ts";

/** Bits of `sendopts`. */
export const SendOption = {
  /** The message was submitted with SMTPUTF8. */
  Smtputf8: 1,
  /** A header, the sender or a recipient needs it. */
  Smtputf8Header: 2,
  Smtputf8Sender: 4,
  Smtputf8Recipient: 8,
  /** The header `TLS-Required: no` was seen. */
  TlsNotRequired: 16,
  /** The sender asked for REQUIRETLS (RFC 8689). */
  RequireTls: 32,
} as const;

/** `flags` of a delivery request and of a bounce request. */
export const DeliveryFlag = {
  /** Mark finished recipients in the queue file. */
  MarkDone: 1,
  /** The recipient is to be bounced without a log (file with an `I` record). */
  Bounce: 2,
  ProbeMta: 256,
  ProbeUser: 512,
  ReportUser: 1024,
  CacheLoad: 2048,
  CacheStore: 4096,
  DelayReport: 8192,
} as const;

/** Times in seconds since the epoch with fraction; 0 = did not happen. */
export interface DeliveryTimes {
  /** `T` record. */
  incoming: number;
  /** Entered the active queue. */
  active: number;
  /** Handed to the delivery agent. */
  agent: number;
  /** Connection is set up. */
  connected: number;
  delivered: number;
  /** Deliveries over the connection that was reused, this one included; 0 for a fresh one. */
  reuse: number;
}

/** Attributes of a queue file that travel with a request, and with mail that is sent on; in the order of the protocol. */
export const MESSAGE_ATTRIBUTES = [
  "log_client_name",
  "log_client_address",
  "log_client_port",
  "log_protocol_name",
  "log_helo_name",
  "sasl_method",
  "sasl_username",
  "sasl_sender",
  "log_ident",
  "rewrite_context",
] as const;

/** One message and the recipients of one destination. */
export interface DeliveryRequest {
  readonly flags: number;
  readonly queueName: QueueName;
  readonly queueId: string;
  /** Offset of the content in the queue file, and the message's size. */
  readonly contentOffset: number;
  readonly contentSize: number;
  readonly messageSize: number;
  readonly nexthop: string;
  /** `7bit`, `8bit` or empty. */
  readonly encoding: string;
  readonly sendopts: number;
  readonly sender: string;
  readonly envelopeId: string;
  readonly returnFlags: number;
  readonly times: DeliveryTimes;
  /** `MESSAGE_ATTRIBUTES`, as in the queue file. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly recipients: readonly Recipient[];
  /**
   * True if the queue manager removes the file as soon as the one recipient of this request is delivered, so that
   * marking the recipient first would only cost a write.
   */
  readonly lastRecipient?: boolean;
}

/** What happened to a recipient, as RFC 3464 wants it told. */
export interface DsnDetail {
  /** `5.1.1` */
  readonly status: string;
  /** Text for people; becomes the reason in log lines and notices. */
  readonly reason: string;
  /** `smtp` with the remote reply, `x-unix` with an exit status ..., if there was one. */
  readonly diagnostic?: { readonly type: string; readonly text: string };
  /** The remote server: `dns` and its name. */
  readonly remote?: { readonly type: string; readonly name: string };
  /** For a success: `relayed` when the next hop is not known to notify the sender itself; default `delivered`. */
  readonly action?: DsnAction;
}

/** An agent's answer when it is through with all recipients. */
export interface DeliveryReply {
  /** True if every recipient is finished (delivered or bounced) and marked; false: some must be tried again. */
  readonly finished: boolean;
  /** Set if the destination itself is in trouble: the queue manager throttles it. */
  readonly destinationTrouble?: DsnDetail;
  /**
   * Set if the agent itself failed and none of the recipients was recorded: the queue manager defers them and leaves
   * the whole transport alone for a while. `cause` is for the log.
   */
  readonly transportTrouble?: DsnDetail & { readonly cause: string };
}

/** A delivery agent: takes a request and is through with it when the promise resolves. It does not reject. */
export interface DeliveryAgent {
  deliver(request: DeliveryRequest): Promise<DeliveryReply>;
}

/** `action` of a log entry, RFC 3464 2.3.3 and Postfix's own. */
export type DsnAction =
  | "failed"
  | "delayed"
  | "delivered"
  | "relayed"
  | "expanded"
  | "deliverable"
  | "undeliverable";

/** The message that a notice is about. */
export interface BounceTarget {
  readonly flags: number;
  readonly queueName: QueueName;
  readonly queueId: string;
  readonly encoding: string;
  readonly sendopts: number;
  readonly sender: string;
  readonly envelopeId: string;
  readonly returnFlags: number;
  readonly verpDelimiters?: string;
}

/** The bounce, defer and trace services (bounce(8)). Every method throws when the log or notice could not be written. */
export interface BounceService {
  /** Adds one recipient's fate to the `bounce`, `defer` or `trace` log of a message. */
  append(
    log: "bounce" | "defer" | "trace",
    queueId: string,
    flags: number,
    recipient: Recipient,
    action: DsnAction,
    detail: DsnDetail,
  ): Promise<void>;
  /** Sends the notice that the log calls for and removes the log (`warn` keeps it). */
  flush(kind: "bounce" | "defer" | "trace", target: BounceTarget): Promise<void>;
  warn(target: BounceTarget): Promise<void>;
  /** Bounces one recipient without a log. */
  one(target: BounceTarget, recipient: Recipient, detail: DsnDetail): Promise<void>;
}

/**
 * What a delivery agent calls once per recipient: writes the delivery log line, appends to the right log, marks the
 * recipient done, honours soft_bounce, NOTIFY, probes and trace flags. Implemented in `recorder.ts`.
 */
export interface DeliveryRecorder {
  /** Delivered. `relay` is `host[addr]:port`, `local`, `none` ... Returns true if the recipient is finished. */
  sent(request: DeliveryRequest, recipient: Recipient, relay: string, detail: DsnDetail): Promise<boolean>;
  /** Failed for good: bounce log (or defer with soft_bounce). Returns true if the recipient is finished. */
  bounced(request: DeliveryRequest, recipient: Recipient, relay: string, detail: DsnDetail): Promise<boolean>;
  /** Try again later. Always returns false. */
  deferred(
    request: DeliveryRequest,
    recipient: Recipient,
    relay: string,
    detail: DsnDetail,
  ): Promise<boolean>;
}
