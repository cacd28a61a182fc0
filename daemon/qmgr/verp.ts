import type { Recipient } from "../../core/queue/types.ts";

/**
 * The sender with the recipient encoded in it, so that bounces say whom they are about (VERP_README):
 * `owner-list@example.com` and `joe@example.org` with delimiters `+=` make `owner-list+joe=example.org@example.com`.
 */
export function verpSender(sender: string, delimiters: string, recipient: Recipient): string {
  const [senderLocal, senderDomain] = atLast(sender);
  const [local, domain] = atLast(recipient.original === "" ? recipient.address : recipient.original);
  const encoded = `${senderLocal}${delimiters[0] ?? ""}${local}`;
  return encoded + (domain === undefined ? "" : `${delimiters[1] ?? ""}${domain}`) +
    (senderDomain === undefined ? "" : `@${senderDomain}`);
}

function atLast(address: string): [string, string | undefined] {
  const at = address.lastIndexOf("@");
  return at < 0 ? [address, undefined] : [address.slice(0, at), address.slice(at + 1)];
}
