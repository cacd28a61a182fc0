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

/** What an entry says before its own lines are read. */
function defaults(log: LogName): Map<string, string> {
  return new Map([
    ["recipient", "(recipient address unavailable)"],
    ["reason", "(description unavailable)"],
    ["status", log === "defer" ? "4.0.0" : "5.0.0"],
    ["action", log === "defer" ? "delayed" : "failed"],
  ]);
}

function number(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

function build(values: ReadonlyMap<string, string>): LogRecord {
  const address = values.get("recipient")!;
  const [diagType, diagText] = [values.get("diag_type"), values.get("diag_text")];
  const [mtaType, mtaName] = [values.get("mta_type"), values.get("mta_mname")];
  const offset = number(values.get("offset"));
  return {
    recipient: {
      address: address === "<>" ? "" : address,
      original: values.get("original_recipient") ?? (address === "<>" ? "" : address),
      dsnOriginal: values.get("dsn_orig_rcpt") ?? "",
      notify: number(values.get("notify_flags")),
      offset: offset === 0 ? -1 : offset,
    },
    action: values.get("action")!,
    status: values.get("status")!,
    reason: values.get("reason")!,
    ...(diagType === undefined || diagText === undefined
      ? {}
      : { diagnostic: { type: diagType, text: diagText } }),
    ...(mtaType === undefined || mtaName === undefined ? {} : { remote: { type: mtaType, name: mtaName } }),
  };
}

/** The line `<address>: reason` of the old form. */
function readOldLine(line: string, values: Map<string, string>): void {
  const match = /^<(.*?)>(?:: (.*))?$/.exec(line);
  if (match === null) return;
  values.set("recipient", match[1] === "" ? "<>" : match[1]!);
  if (match[2] !== undefined && match[2] !== "") values.set("reason", match[2]);
}

/** Reads a whole log. Lines that are neither form are skipped: a log is never a reason to stop. */
export function parseLog(bytes: Uint8Array, log: LogName): LogRecord[] {
  const entries: LogRecord[] = [];
  let values: Map<string, string> | undefined;
  for (const line of decodeText(bytes).split("\n")) {
    if (line === "") {
      if (values !== undefined) entries.push(build(values));
      values = undefined;
      continue;
    }
    values ??= defaults(log);
    if (line.startsWith("<")) {
      readOldLine(line, values);
      continue;
    }
    const equals = line.indexOf("=");
    if (equals > 0 && /^[A-Za-z0-9]/.test(line)) values.set(line.slice(0, equals), line.slice(equals + 1));
  }
  if (values !== undefined) entries.push(build(values));
  return entries;
}
