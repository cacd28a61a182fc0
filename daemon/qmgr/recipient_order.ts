import type { Recipient } from "../../core/queue/types.ts";

/**
 * The order in which next hops and commands get the recipients of a message: by domain, then by address. Servers see
 * the recipients of one domain together, however they were given.
 */
export function inDeliveryOrder(recipients: readonly Recipient[]): readonly Recipient[] {
  if (recipients.length < 2) return recipients;
  const keyed = recipients.map((recipient) => {
    const { address } = recipient;
    const at = address.lastIndexOf("@");
    // No domain sorts last.
    return { recipient, domain: at === -1 ? "\uffff" : address.slice(at).toLowerCase() };
  });
  keyed.sort((a, b) => compare(a.domain, b.domain) || compare(a.recipient.address, b.recipient.address));
  return keyed.map(({ recipient }) => recipient);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
