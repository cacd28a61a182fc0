import { decodeText, encodeText } from "../bytes/mod.ts";
import type { LogName, LogRecord } from "./types.ts";

/** Control characters become `?`, so that a remote reply can't forge a line of the log. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  return text.replace(/[\x00-\x1f\x7f]/g, "?");
}

/**
 * The text of one log entry (bounce(8)): an empty line, `name=value` lines, an empty line.
 * @param quote internal address form to quoted form
 * @param oldLine with the line `<address>: reason` that old readers want
 */
export function formatLogRecord(
  entry: LogRecord,
  quote: (address: string) => string,
  oldLine: boolean,
): Uint8Array<ArrayBuffer> {
  const { recipient } = entry;
  const address = recipient.address === "" ? "" : oneLine(quote(recipient.address));
  const original = recipient.original === "" ? "" : oneLine(quote(recipient.original));
  const reason = oneLine(entry.reason);
  const lines = [""];
  if (oldLine) lines.push(`<${address}>: ${reason}`);
  lines.push(`recipient=${address === "" ? "<>" : address}`);
  if (original !== "" && original.toLowerCase() !== address.toLowerCase()) {
    lines.push(`original_recipient=${original}`);
  }
  if (recipient.offset > 0) lines.push(`offset=${recipient.offset}`);
  if (recipient.dsnOriginal !== "") lines.push(`dsn_orig_rcpt=${oneLine(recipient.dsnOriginal)}`);
  if (recipient.notify !== 0) lines.push(`notify_flags=${recipient.notify}`);
  lines.push(`status=${oneLine(entry.status)}`, `action=${oneLine(entry.action)}`);
  const { diagnostic, remote } = entry;
  if (diagnostic !== undefined && diagnostic.type !== "" && diagnostic.text !== "") {
    lines.push(`diag_type=${oneLine(diagnostic.type)}`, `diag_text=${oneLine(diagnostic.text)}`);
  }
  if (remote !== undefined && remote.type !== "" && remote.name !== "") {
    lines.push(`mta_type=${oneLine(remote.type)}`, `mta_mname=${oneLine(remote.name)}`);
  }
  lines.push(`reason=${reason}`, "", "");
  return encodeText(lines.join("\n"));
}

/** An entry being read; what a log does not say has the values that readers agree on. */
class Entry {
  recipient = "(recipient address unavailable)";
  original: string | undefined;
  offset = -1;
  dsnOriginal = "";
  notify = 0;
  status: string;
  action: string;
  diagnosticType: string | undefined;
  diagnosticText: string | undefined;
  remoteType: string | undefined;
  remoteName: string | undefined;
  reason = "(description unavailable)";

  constructor(log: LogName) {
    this.status = log === "defer" ? "4.0.0" : "5.0.0";
    this.action = log === "defer" ? "delayed" : "failed";
  }

  set(name: string, value: string): void {
    switch (name) {
      case "recipient":
        this.recipient = value === "<>" ? "" : value;
        break;
      case "reason":
        this.reason = value;
        break;
      case "original_recipient":
        this.original = value;
        break;
      case "status":
        this.status = value;
        break;
      case "action":
        this.action = value;
        break;
      case "dsn_orig_rcpt":
        this.dsnOriginal = value;
        break;
      case "offset":
        this.offset = number(value) || -1;
        break;
      case "notify_flags":
        this.notify = number(value);
        break;
      case "diag_type":
        this.diagnosticType = value;
        break;
      case "diag_text":
        this.diagnosticText = value;
        break;
      case "mta_type":
        this.remoteType = value;
        break;
      case "mta_mname":
        this.remoteName = value;
        break;
    }
  }

  /** The line `<address>: reason` of the old form. */
  setOld(line: string): void {
    const end = line.indexOf(">");
    if (end < 0) return;
    this.recipient = line.slice(1, end);
    const reason = line.startsWith(": ", end + 1) ? line.slice(end + 3) : "";
    if (reason !== "") this.reason = reason;
  }

  finish(): LogRecord {
    const { recipient, diagnosticType, diagnosticText, remoteType, remoteName } = this;
    return {
      recipient: {
        address: recipient,
        original: this.original ?? recipient,
        dsnOriginal: this.dsnOriginal,
        notify: this.notify,
        offset: this.offset,
      },
      action: this.action,
      status: this.status,
      reason: this.reason,
      ...(diagnosticType === undefined || diagnosticText === undefined
        ? {}
        : { diagnostic: { type: diagnosticType, text: diagnosticText } }),
      ...(remoteType === undefined || remoteName === undefined
        ? {}
        : { remote: { type: remoteType, name: remoteName } }),
    };
  }
}

function number(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

function isAlphanumeric(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39);
}

/** Reads a whole log. Lines that are neither form are skipped: a log is never a reason to stop. */
export function parseLog(bytes: Uint8Array, log: LogName): LogRecord[] {
  const text = decodeText(bytes);
  const entries: LogRecord[] = [];
  let entry: Entry | undefined;
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    if (end === start) {
      if (entry !== undefined) entries.push(entry.finish());
      entry = undefined;
    } else {
      entry ??= new Entry(log);
      if (text[start] === "<") entry.setOld(text.slice(start, end));
      else if (isAlphanumeric(text.charCodeAt(start))) {
        const equals = text.indexOf("=", start);
        if (equals > 0 && equals < end) entry.set(text.slice(start, equals), text.slice(equals + 1, end));
      }
    }
    start = end + 1;
  }
  if (entry !== undefined) entries.push(entry.finish());
  return entries;
}
