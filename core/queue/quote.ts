/**
 * The quoted form of an internal address for logs and listings: the local part becomes a quoted string when it is not
 * a dot-atom (RFC 5322 section 3.2.4).
 */
export function quoteAddress(address: string): string {
  const at = address.lastIndexOf("@");
  const local = at < 0 ? address : address.slice(0, at);
  if (
    /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+)*$/u
      .test(local)
  ) {
    return address;
  }
  const domain = at < 0 ? "" : address.slice(at);
  return `"${local.replace(/["\\]/g, "\\$&")}"${domain}`;
}
