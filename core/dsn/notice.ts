/** What a notice is made of, and how it is put together (RFC 3462, RFC 3464, RFC 6533). */
import { toExternal } from "../address/mod.ts";
import { ByteBuffer } from "../bytes/mod.ts";
import { mailDate } from "../message/mod.ts";
import { appendRecord, appendTextRecord, type LogRecord, RecordType } from "../queue/mod.ts";
import type { Template } from "./template.ts";
import { wrapText } from "./wrap.ts";

/** `sendopts` bits that make a message an internationalized one: its header or sender is UTF-8, or that was asked for. */
const INTERNATIONAL = 1 | 2 | 4 | 8;

/** The message that a notice is about. */
export interface NoticeSubject {
  readonly queueId: string;
  /** Envelope sender in internal form (`MAILER-DAEMON@...` for the null sender); undefined if the queue file could not be read. */
  readonly sender: string | undefined;
  /** Seconds; undefined if unknown. */
  readonly arrival: number | undefined;
  /** `ENVID` of the sender's DSN request; empty if there was none. */
  readonly envelopeId: string;
  readonly sendopts: number;
  /** `7bit`, `8bit` or empty. */
  readonly encoding: string;
  /** Its content; undefined if it could not be read. */
  readonly content: NoticeContent | undefined;
}

/** The lines of the original message; `ContentReader` of core/queue fits. */
export interface NoticeContent {
  next(): boolean;
  readonly type: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** A recipient of the message and what became of it. Addresses in quoted form, as logs have them. */
export type NoticeRecipient = Omit<LogRecord, "recipient"> & {
  readonly recipient: { readonly address: string; readonly original: string; readonly dsnOriginal: string };
};

/** What a notice says, to whom and about whom; the original message comes besides. */
export interface NoticeOptions {
  readonly subject: NoticeSubject;
  /** Whom it goes to, internal form. */
  readonly to: string;
  readonly template: Template;
  /** The template's text, expanded; undefined in a postmaster's copy, which has none. */
  readonly text: readonly string[] | undefined;
  readonly recipients: readonly NoticeRecipient[];
  /** Return the header only (RET=HDRS). */
  readonly headersOnly: boolean;
  /** `bounce_size_limit`: bytes of the original that are returned; 0 for all. */
  readonly sizeLimit: number;
  /** Seconds; in a delay notice: until when delivery is tried. */
  readonly retryUntil?: number;
  readonly hostname: string;
  /** `Postfix`, unless `mail_name` says otherwise: `X-Postfix-Queue-ID`. */
  readonly mailName: string;
  /** `smtputf8_enable`: notices are UTF-8. */
  readonly utf8: boolean;
  /** Seconds, for the boundary. */
  readonly now: number;
}

// deno-lint-ignore no-control-regex -- control characters are what is looked for
const CONTROLS = /[\x00-\x08\x0a-\x1f\x7f]/g;

/** Writes lines of text as records; what a remote server or sender put in can't start another line. */
class Lines {
  constructor(readonly out: ByteBuffer) {}
  put(...lines: string[]): void {
    for (const line of lines) appendTextRecord(this.out, RecordType.Normal, line.replace(CONTROLS, "?"));
  }
  wrapped(text: string): void {
    this.put(...wrapText(text.replaceAll("\t", "?")));
  }
}

/** Pieces of this size are handed over before the rest is made. */
const PIECE = 65536;

/**
 * A whole notice, header and body, as `N` records (and `L` records for the original's long lines), in pieces that are
 * valid until the next one is asked for. `Received:` and `Date:` headers are the caller's.
 */
export function* composeNotice(options: NoticeOptions): Generator<Uint8Array> {
  const { subject, template } = options;
  const out = new ByteBuffer(4096);
  const lines = new Lines(out);
  const eightBit = options.utf8 || subject.encoding === "8bit";
  const boundary = `${subject.queueId}.${Math.floor(options.now)}/${options.hostname}`;
  const plain = isAscii(template);
  const encoding = eightBit || (subject.encoding === "7bit" && !plain) ? "8bit" : subject.encoding;
  const isCopy = options.text === undefined;

  lines.put(
    `From: ${template.from}`,
    `Subject: ${isCopy ? template.postmasterSubject : template.subject}`,
    `To: ${toExternal(options.to)}`,
    `Auto-Submitted: ${isCopy ? "auto-generated" : "auto-replied"}`,
    "MIME-Version: 1.0",
    "Content-Type: multipart/report; report-type=delivery-status;",
    `\tboundary="${boundary}"`,
  );
  if (encoding !== "") lines.put(`Content-Transfer-Encoding: ${encoding}`);
  lines.put("", "This is a MIME-encapsulated message.");

  notification(lines, options, boundary, eightBit);
  deliveryStatus(lines, options, boundary);
  yield* original(lines, options, boundary, eightBit);
  lines.put("", `--${boundary}--`);
  yield out.view();
}

function isAscii(template: Template): boolean {
  return template.charset.toLowerCase() === "us-ascii";
}

function notification(lines: Lines, options: NoticeOptions, boundary: string, eightBit: boolean): void {
  const { template, text, recipients } = options;
  const charset = isAscii(template) && eightBit ? "utf-8" : template.charset;
  lines.put(
    "",
    `--${boundary}`,
    "Content-Description: Notification",
    `Content-Type: text/plain; charset=${charset}`,
  );
  if (eightBit) lines.put("Content-Transfer-Encoding: 8bit");
  lines.put("");
  if (text !== undefined) lines.put(...text);
  if (recipients.length === 0) lines.put("", "\t--- Delivery report unavailable ---");
  for (const { recipient, reason } of recipients) {
    const expanded = wasExpanded(recipient) ? ` (expanded from <${recipient.original}>)` : "";
    lines.put("");
    lines.wrapped(`<${recipient.address}>${expanded}: ${reason}`);
  }
}

/** Is it another address than the one that the sender wrote? */
function wasExpanded({ address, original }: NoticeRecipient["recipient"]): boolean {
  return original !== "" && original.toLowerCase() !== address.toLowerCase();
}

// deno-lint-ignore no-control-regex -- the ASCII range
const NON_ASCII = /[^\x00-\x7f]/;

function deliveryStatus(lines: Lines, options: NoticeOptions, boundary: string): void {
  const { subject, mailName } = options;
  const international = (subject.sendopts & INTERNATIONAL) !== 0;
  const typed = (address: string) =>
    `${international && NON_ASCII.test(address) ? "utf-8" : "rfc822"}; ${address}`;

  lines.put("", `--${boundary}`, "Content-Description: Delivery report");
  lines.put(`Content-Type: message/${international ? "global-" : ""}delivery-status`);
  if (international) lines.put("Content-Transfer-Encoding: 8bit");
  lines.put("", `Reporting-MTA: dns; ${options.hostname}`);
  if (subject.envelopeId !== "") lines.put(`Original-Envelope-Id: ${subject.envelopeId}`);
  lines.put(`X-${mailName}-Queue-ID: ${subject.queueId}`);
  if (subject.sender !== undefined) lines.put(`X-${mailName}-Sender: ${typed(toExternal(subject.sender))}`);
  if (subject.arrival !== undefined) lines.put(`Arrival-Date: ${mailDate(subject.arrival)}`);

  for (const entry of options.recipients) {
    const { recipient, diagnostic, remote } = entry;
    lines.put("", `Final-Recipient: ${typed(recipient.address)}`);
    if (recipient.dsnOriginal !== "") lines.put(`Original-Recipient: ${recipient.dsnOriginal}`);
    else if (wasExpanded(recipient)) lines.put(`Original-Recipient: ${typed(recipient.original)}`);
    lines.put(`Action: ${entry.action}`, `Status: ${entry.status}`);
    if (remote !== undefined) lines.put(`Remote-MTA: ${remote.type}; ${remote.name}`);
    lines.wrapped(
      diagnostic !== undefined
        ? `Diagnostic-Code: ${diagnostic.type}; ${diagnostic.text}`
        : `Diagnostic-Code: X-${mailName}; ${entry.reason}`,
    );
    if (options.retryUntil !== undefined) lines.put(`Will-Retry-Until: ${mailDate(options.retryUntil)}`);
  }
}

function* original(
  lines: Lines,
  options: NoticeOptions,
  boundary: string,
  eightBit: boolean,
): Generator<Uint8Array> {
  const { subject, headersOnly, template } = options;
  const undelivered = template.name === "failure" || template.name === "delay" ? "Undelivered " : "";
  const international = (subject.sendopts & INTERNATIONAL) !== 0;
  const type = headersOnly
    ? international ? "message/global-headers" : "text/rfc822-headers"
    : international
    ? "message/global"
    : "message/rfc822";
  lines.put(
    "",
    `--${boundary}`,
    `Content-Description: ${undelivered}Message${headersOnly ? " Headers" : ""}`,
    `Content-Type: ${type}`,
  );
  if (eightBit) lines.put("Content-Transfer-Encoding: 8bit");
  lines.put("");
  if (subject.content === undefined) {
    lines.put("\t--- Undelivered message unavailable ---");
    return;
  }
  lines.put(`Return-Path: <${subject.sender === undefined ? "" : toExternal(subject.sender)}>`);
  yield* copyContent(lines.out, subject.content, headersOnly, options.sizeLimit);
}

function* copyContent(
  out: ByteBuffer,
  content: NoticeContent,
  headersOnly: boolean,
  sizeLimit: number,
): Generator<Uint8Array> {
  let length = 0;
  while (content.next()) {
    const { type, bytes, start, end } = content;
    if (headersOnly && !isHeaderLine(bytes, start, end)) break;
    if (sizeLimit > 0 && length >= sizeLimit) break;
    length += end - start + 2;
    appendRecord(out, type, bytes.subarray(start, end));
    if (out.length > PIECE) {
      yield out.view();
      out.clear();
    }
  }
}

/** A header field, or the continuation of one. */
function isHeaderLine(bytes: Uint8Array, start: number, end: number): boolean {
  const first = bytes[start];
  if (start === end || first === undefined) return false;
  if (first === 0x20 || first === 0x09) return true;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === 0x3a) return at > start;
    if (byte <= 0x20 || byte >= 0x7f) {
      return (byte === 0x20 || byte === 0x09) && at > start && onlyBlanksToColon(bytes, at, end);
    }
  }
  return false;
}

/** `Subject : x` is a header too (RFC 5322 4.5). */
function onlyBlanksToColon(bytes: Uint8Array, from: number, end: number): boolean {
  let at = from;
  while (at < end && (bytes[at] === 0x20 || bytes[at] === 0x09)) at++;
  return bytes[at] === 0x3a && at < end;
}
