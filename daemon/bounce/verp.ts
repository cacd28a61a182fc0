/**
 * Puts a recipient into a sender address (VERP_README): `owner-list@example.com` and `joe@example.org` give
 * `owner-list+joe=example.org@example.com`.
 * @param delimiters two characters, `+=`
 */
export function verpSender(sender: string, recipient: string, delimiters: string): string {
  const at = sender.lastIndexOf("@");
  const local = at === -1 ? sender : sender.slice(0, at);
  const domain = at === -1 ? "" : sender.slice(at);
  const recipientAt = recipient.lastIndexOf("@");
  const encoded = recipientAt === -1
    ? recipient
    : recipient.slice(0, recipientAt) + delimiters.charAt(1) + recipient.slice(recipientAt + 1);
  return local + delimiters.charAt(0) + encoded + domain;
}
