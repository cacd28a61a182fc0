/** Rules of MIME that may be broken; bits of `MimeScanner.errors`. */
export const MimeError = {
  Nesting: 1,
  TruncatedHeader: 2,
  EightBitHeader: 4,
  EightBitBody: 8,
  EncodingDomain: 16,
} as const;

/** What a broken rule is called towards the client and in the log; of several the gravest. */
export function mimeErrorText(errors: number): { dsn: string; text: string } {
  if (errors & MimeError.Nesting) return { dsn: "5.6.0", text: "MIME nesting exceeds safety limit" };
  if (errors & MimeError.TruncatedHeader) {
    return { dsn: "5.6.0", text: "message header length exceeds safety limit" };
  }
  if (errors & MimeError.EightBitHeader) {
    return { dsn: "5.6.0", text: "improper use of 8-bit data in message header" };
  }
  if (errors & MimeError.EightBitBody) {
    return { dsn: "5.6.0", text: "improper use of 8-bit data in message body" };
  }
  return { dsn: "5.6.0", text: "invalid message/* or multipart/* encoding domain" };
}
