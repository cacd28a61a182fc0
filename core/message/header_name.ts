/** What is known about a header by its name: how its addresses are treated and what it is part of. */

/** Bits of `KnownHeader.flags`. */
export const HeaderFlag = {
  /** Its addresses are senders: sender rewriting applies. */
  Sender: 1,
  /** Its addresses are recipients: recipient rewriting applies. */
  Recipient: 2,
  /** `sendmail -t` takes recipients from it. */
  Extract: 4,
  /** It belongs to a resent block (RFC 5322, 3.6.6). */
  Resent: 8,
  /** It describes a MIME entity (RFC 2045). */
  Mime: 16,
} as const;

/** A header whose name means something to the mail system. */
export interface KnownHeader {
  /** In lower case: `message-id`. */
  readonly key: string;
  /** As it is written when the header is put together anew: `Message-Id`. */
  readonly name: string;
  /** `HeaderFlag` bits. */
  readonly flags: number;
}

const { Sender, Recipient, Extract, Resent, Mime } = HeaderFlag;

const KNOWN: readonly (readonly [string, number])[] = [
  ["Apparently-To", Recipient],
  ["Bcc", Recipient | Extract],
  ["Cc", Recipient | Extract],
  ["Content-Description", Mime],
  ["Content-Disposition", Mime],
  ["Content-ID", Mime],
  ["Content-Length", 0],
  ["Content-Transfer-Encoding", Mime],
  ["Content-Type", Mime],
  ["Delivered-To", 0],
  ["Disposition-Notification-To", Sender],
  ["Date", 0],
  ["Errors-To", Sender],
  ["From", Sender],
  ["Mail-Followup-To", Sender],
  ["Message-Id", 0],
  ["MIME-Version", Mime],
  ["Received", 0],
  ["Reply-To", Sender],
  ["Resent-Bcc", Recipient | Extract | Resent],
  ["Resent-Cc", Recipient | Extract | Resent],
  ["Resent-Date", Resent],
  ["Resent-From", Sender | Resent],
  ["Resent-Message-Id", Resent],
  ["Resent-Reply-To", Recipient | Resent],
  ["Resent-Sender", Sender | Resent],
  ["Resent-To", Recipient | Extract | Resent],
  ["Return-Path", Sender],
  ["Return-Receipt-To", Sender],
  ["Sender", Sender],
  ["Require-TLS-ESMTP", 0],
  ["TLS-Required", 0],
  ["To", Recipient | Extract],
];

const BY_KEY = new Map<string, KnownHeader>(
  KNOWN.map(([name, flags]) => [name.toLowerCase(), { key: name.toLowerCase(), name, flags }]),
);
const LONGEST = Math.max(...KNOWN.map(([name]) => name.length));

const COLON = 0x3a;

/**
 * Length of the field name at the start of a line, without the blanks that old mail has before the colon; 0 if the
 * line is no header (RFC 5322, 2.2: printable ASCII, at least one character, a colon).
 */
export function headerNameLength(line: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const byte = line[at]!;
    if (byte === COLON || byte <= 0x20 || byte >= 0x7f) break;
    at += 1;
  }
  const length = at - start;
  if (length === 0) return 0;
  while (at < end && (line[at] === 0x20 || line[at] === 0x09)) at += 1;
  return at < end && line[at] === COLON ? length : 0;
}

/** What is known about the header whose name stands at `start`; undefined for all others. */
export function knownHeader(line: Uint8Array, start: number, nameLength: number): KnownHeader | undefined {
  if (nameLength < 2 || nameLength > LONGEST) return undefined;
  let key = "";
  for (let at = start; at < start + nameLength; at++) {
    const byte = line[at]!;
    key += String.fromCharCode(byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);
  }
  return BY_KEY.get(key);
}

/** What is known about a header by its name in any case. */
export function knownHeaderByName(name: string): KnownHeader | undefined {
  return BY_KEY.get(name.toLowerCase());
}
