/** `postel queue show`: all about messages: what the listing says, the envelope, the header. */
import { decodeText, printable } from "../core/bytes/mod.ts";
import {
  type Envelope,
  type ListedMessage,
  openQueue,
  type Queue,
  QueueFileError,
} from "../core/queue/mod.ts";
import { type Column, formatOf, RowWriter, shortAge, shortSize } from "./queue_format.ts";
import { pickedMessages, type QueryOptions, readQuery, UsageProblem } from "./queue_query.ts";
import { print, type Tool } from "./queue_tool.ts";

/** Header lines that say what a message is about. */
const SHOWN_HEADERS = ["from", "to", "cc", "subject", "date", "message-id"];
const MAX_HEADER_LINES = 1000;

/** What a queue file adds to the listing. */
interface Details {
  readonly message: ListedMessage;
  /** Seconds of the next attempt, of deferred messages. */
  readonly nextAttempt?: number;
  readonly client?: string;
  readonly doneCount?: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Why the file could not be read. */
  readonly problem?: string;
}

function headersOf(queue: Queue, message: ListedMessage, envelope: Envelope): Record<string, string> {
  const headers: Record<string, string> = {};
  const content = queue.openContent(message.queue, message.id, envelope.contentOffset);
  try {
    let name = "";
    for (let lines = 0; lines < MAX_HEADER_LINES && content.next(); lines++) {
      const line = decodeText(content.bytes.subarray(content.start, content.end));
      if (line === "") break;
      if (/^[ \t]/.test(line)) {
        if (headers[name] !== undefined) headers[name] += ` ${line.trim()}`;
        continue;
      }
      const colon = line.indexOf(":");
      name = line.slice(0, Math.max(colon, 0)).trim().toLowerCase();
      if (SHOWN_HEADERS.includes(name)) headers[name] ??= printable(line.slice(colon + 1).trim());
      else name = "";
    }
  } finally {
    content.close();
  }
  return headers;
}

function details(queue: Queue, message: ListedMessage): Details {
  // Mail in maildrop has no envelope of the full form yet.
  if (message.queue === "maildrop") return { message, headers: {} };
  try {
    const envelope = queue.readEnvelope(message.queue, message.id);
    const info = queue.stat(message.queue, message.id);
    const client = envelope.attributes.get("log_message_origin");
    return {
      message,
      ...(message.queue === "deferred" && info !== undefined ? { nextAttempt: info.mtime } : {}),
      ...(client === undefined ? {} : { client: printable(client) }),
      doneCount: envelope.doneCount,
      headers: headersOf(queue, message, envelope),
    };
  } catch (error) {
    if (!(error instanceof QueueFileError)) throw error;
    return { message, headers: {}, problem: error.message };
  }
}

function stamp(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}

function describe(
  { message, nextAttempt, client, doneCount, headers, problem }: Details,
  now: number,
): string {
  const lines: [string, string][] = [
    ["queue", message.forcedExpire ? `${message.queue}, expires at the next attempt` : message.queue],
    ["arrived", `${stamp(message.time)} (${shortAge(now - message.time)} ago)`],
  ];
  if (nextAttempt !== undefined) {
    const wait = nextAttempt - now;
    lines.push(["next attempt", `${stamp(nextAttempt)}${wait > 0 ? ` (in ${shortAge(wait)})` : " (due)"}`]);
  }
  lines.push(["size", `${message.size} bytes (${shortSize(message.size)})`]);
  if (client !== undefined) lines.push(["client", client]);
  lines.push(["sender", message.sender]);
  for (const { address, original, reason } of message.recipients) {
    const was = original !== "" && original !== address ? ` (originally ${original})` : "";
    lines.push(["recipient", address + was]);
    if (reason !== "") lines.push(["", `  ${reason}`]);
  }
  if (doneCount !== undefined && doneCount > 0) lines.push(["done", `${doneCount} more recipients`]);
  for (const [name, value] of Object.entries(headers)) lines.push([`${name}:`, value]);
  if (problem !== undefined) lines.push(["unreadable", problem]);
  return `${message.id}\n${lines.map(([name, value]) => `  ${name.padEnd(13)} ${value}\n`).join("")}`;
}

const CSV_COLUMNS: readonly Column<Details>[] = [
  { title: "", name: "id", value: ({ message }) => message.id },
  { title: "", name: "queue", value: ({ message }) => message.queue },
  { title: "", name: "arrival_time", value: ({ message }) => message.time },
  { title: "", name: "next_attempt", value: ({ nextAttempt }) => nextAttempt ?? "" },
  { title: "", name: "size", value: ({ message }) => message.size },
  { title: "", name: "sender", value: ({ message }) => message.sender },
  { title: "", name: "recipients", value: ({ message }) => message.recipients.map(({ address }) => address) },
  { title: "", name: "client", value: ({ client }) => client ?? "" },
  { title: "", name: "subject", value: ({ headers }) => headers["subject"] ?? "" },
];

function jsonLine({ message, nextAttempt, client, doneCount, headers, problem }: Details): string {
  const { id, queue, time, size, forcedExpire, sender, recipients } = message;
  return JSON.stringify({
    id,
    queue,
    arrival_time: time,
    next_attempt: nextAttempt,
    size,
    forced_expire: forcedExpire,
    sender,
    recipients: recipients.map(({ address, original, reason }) => ({ address, original, reason })),
    recipients_done: doneCount,
    client,
    headers,
    problem,
  }) + "\n";
}

/** `postel queue show`. Exit code 0, 1 if no message was found. */
export async function runShow(tool: Tool, ids: readonly string[], options: QueryOptions): Promise<number> {
  const query = await readQuery(tool, ids, options);
  if (query.everything) throw new UsageProblem("show: give ids or filters, or --limit");
  const queue = openQueue(tool.config);
  const format = formatOf(options);
  const csv = new RowWriter(CSV_COLUMNS, "csv");
  let found = 0;
  for await (const batch of pickedMessages(tool, query)) {
    for (const message of batch) {
      found += 1;
      const all = details(queue, message);
      const text = format === "json" ? jsonLine(all) : describe(all, Date.now() / 1000);
      const open = format === "csv" ? csv.write([all]) : print(text);
      if (!open) return 0;
    }
  }
  if (found === 0) tool.log.as("queue").warning("no such message");
  return found === 0 ? 1 : 0;
}
