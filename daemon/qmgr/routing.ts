/** Where one recipient goes: everything that overrides or follows address resolution (trivial-rewrite(8)). */
import {
  type ExtensionRules,
  type Resolved,
  splitExtension,
  splitLocalDomain,
} from "../../core/address/mod.ts";
import type { Recipient } from "../../core/queue/types.ts";
import type { MaybePromise } from "../../core/table/types.ts";
import { DeliveryFlag, type DsnDetail } from "../delivery/types.ts";
import type { ActiveMessage } from "./message.ts";
import type { QmgrSettings } from "./settings.ts";
import type { Routing } from "./types.ts";

/** The transport that defers with its next hop as the reason, and the one that bounces. */
export const RETRY = "retry";
const ERROR = "error";

const PROBE = DeliveryFlag.ProbeMta | DeliveryFlag.ProbeUser;

/** A delivery, or an outcome that needs no delivery agent. */
export type Decision =
  | {
    readonly kind: "deliver";
    readonly transport: string;
    readonly nexthop: string;
    readonly recipient: Recipient;
  }
  | {
    readonly kind: "sent" | "deferred";
    readonly recipient: Recipient;
    readonly detail: DsnDetail;
  };

export interface RouteContext {
  readonly addressing: Routing;
  readonly settings: QmgrSettings;
  /** Address probes in the active queue. */
  pendingProbes(): number;
}

/** Decides about one recipient. */
export function route(
  context: RouteContext,
  message: ActiveMessage,
  recipient: Recipient,
): MaybePromise<Decision> {
  if (message.forceExpired) return retry(recipient, "4.7.0 message is administratively expired");
  const { envelope } = message;
  const isProbe = (message.traceFlags & PROBE) !== 0;
  if (envelope.redirect !== undefined) {
    const target = context.addressing.rewriteInternal("local", envelope.redirect);
    return resolved(context, message, { ...recipient, address: target });
  }
  const filter = envelope.filter ?? envelope.inspector;
  if (filter !== undefined && !isProbe) {
    return afterResolving(context, message, recipient, filtered(context.settings, filter, recipient));
  }
  return resolved(context, message, recipient);
}

function resolved(
  context: RouteContext,
  message: ActiveMessage,
  recipient: Recipient,
): MaybePromise<Decision> {
  const { addressing } = context;
  const { sender } = message.envelope;
  const answer = (message.traceFlags & DeliveryFlag.ProbeMta) !== 0
    ? addressing.verifyResolve(sender, recipient.address)
    : addressing.resolve(sender, recipient.address);
  return answer instanceof Promise
    ? answer.then((result) => afterResolving(context, message, recipient, result))
    : afterResolving(context, message, recipient, answer);
}

function afterResolving(
  context: RouteContext,
  message: ActiveMessage,
  given: Recipient,
  result: Pick<Resolved, "transport" | "nexthop" | "recipient" | "addressClass" | "error">,
): Decision {
  const { settings } = context;
  if (given.address === "") {
    return { kind: "deliver", transport: ERROR, nexthop: "5.1.3 null recipient address", recipient: given };
  }
  const { error } = result;
  if (error !== undefined) {
    const transport = error.kind === "syntax" ? ERROR : RETRY;
    return { kind: "deliver", transport, nexthop: `${error.code} ${error.text}`, recipient: given };
  }
  const recipient = result.recipient === given.address ? given : { ...given, address: result.recipient };
  if (isDoubleBounce(settings, recipient.address, result.addressClass)) {
    const detail = { status: "2.0.0", reason: "undeliverable postmaster notification discarded" };
    return { kind: "sent", recipient, detail };
  }
  if (settings.deferTransports.has(result.transport) && !message.asked) {
    return retry(recipient, "4.3.2 deferred transport");
  }
  if (
    (message.traceFlags & DeliveryFlag.ProbeMta) !== 0 && context.pendingProbes() > settings.pendingProbes
  ) {
    return retry(recipient, "4.3.2 Too many address verification requests");
  }
  return { kind: "deliver", transport: result.transport, nexthop: result.nexthop, recipient };
}

/** `content_filter` replaces the route, not the recipient. */
function filtered(settings: QmgrSettings, filter: string, recipient: Recipient) {
  const colon = filter.indexOf(":");
  const transport = colon < 0 ? filter : filter.slice(0, colon);
  const given = colon < 0 ? "" : filter.slice(colon + 1);
  const domain = splitLocalDomain(recipient.address).domain ?? settings.hostname;
  const nexthop = given || settings.filterNexthop || domain;
  return { transport, nexthop, recipient: recipient.address, addressClass: "default" as const };
}

/**
 * A notice to the postmaster that could not be delivered comes back to an address that nobody reads. It ends here, so
 * that this works without a local delivery agent.
 */
function isDoubleBounce(settings: QmgrSettings, address: string, addressClass: string): boolean {
  const { local, domain } = splitLocalDomain(address);
  return local.toLowerCase() === settings.doubleBounceSender.toLowerCase() &&
    (domain === undefined || addressClass === "local");
}

function retry(recipient: Recipient, nexthop: string): Decision {
  return { kind: "deliver", transport: RETRY, nexthop, recipient };
}

/**
 * What makes two recipients of a transport the same destination: the next hop, and where one delivery takes one
 * recipient, the recipient without its extension as well (a mailbox).
 */
export function destinationKey(
  transport: string,
  nexthop: string,
  address: string,
  recipientLimit: number,
  extensions: ExtensionRules,
): string {
  if (recipientLimit !== 1 || transport === ERROR || transport === RETRY) return nexthop.toLowerCase();
  const { local } = splitLocalDomain(address);
  const user = splitExtension(local, extensions)?.user ?? local;
  return `${user}@${nexthop}`.toLowerCase();
}

/** The next hop that makes the retry transport defer with `detail`. */
export function retryNexthop(detail: DsnDetail): string {
  return `${detail.status} ${detail.reason}`;
}
