import { type ByteBuffer, decodeText } from "../bytes/mod.ts";
import { type SmtpStream, SmtpStreamError } from "./stream.ts";

/** A reply as a server gives it (RFC 5321 section 4.2, RFC 3463). */
export interface Reply {
  /** `250` */
  readonly code: number;
  /** `2.1.0`; empty where none belongs (greeting, HELO, EHLO, 3xx). */
  readonly enhanced: string;
  /** The text; line breaks make a multi-line reply, every line with code and enhanced code. */
  readonly text: string;
}

/** Makes a reply. */
export function reply(code: number, enhanced: string, text: string): Reply {
  return { code, enhanced, text };
}

/** The reply in one line without line end, as it stands in log lines: `554 5.7.1 text`. */
export function replyLine(reply: Reply): string {
  return `${reply.code} ${reply.enhanced === "" ? "" : reply.enhanced + " "}${reply.text}`;
}

/** Appends a reply in wire form: `250-first` CR LF `250 last` CR LF. */
export function appendReply(out: ByteBuffer, reply: Reply): void {
  const enhanced = reply.enhanced === "" ? "" : reply.enhanced + " ";
  if (!reply.text.includes("\n")) {
    out.appendText(`${reply.code} ${enhanced}${reply.text}\r\n`);
    return;
  }
  const lines = reply.text.split("\n");
  lines.forEach((line, index) => {
    const separator = index === lines.length - 1 ? " " : "-";
    out.appendText(`${reply.code}${separator}${enhanced}${line}\r\n`);
  });
}

/** A reply as a client received it. */
export interface ReceivedReply {
  readonly code: number;
  /** `5.1.1` at the start of the last line's text, empty if there is none. */
  readonly enhanced: string;
  /** The lines as received, code included, without line ends. */
  readonly lines: readonly string[];
}

/** How much of a reply a client reads. */
export interface ReplyLimits {
  /** Bytes of a line that are kept. */
  readonly lineLength: number;
  /** Lines that are kept; more are read and dropped. */
  readonly keptLines: number;
  /** Bytes in all lines together before the server counts as broken. */
  readonly totalLength: number;
}

export const defaultReplyLimits: ReplyLimits = { lineLength: 2048, keptLines: 100, totalLength: 1 << 20 };

/** What arrived is not an SMTP reply. */
export class ReplySyntaxError extends Error {
  override readonly name = "ReplySyntaxError";
  constructor(message: string, readonly line: string) {
    super(message);
  }
}

const REPLY_LINE = /^([2345]\d\d)(?:([ -])(.*))?$/s;
const ENHANCED = /^([245]\.\d{1,3}\.\d{1,3})(?:\s|$)/;

/**
 * Reads one whole reply. Rejects with `SmtpStreamError` (kind `lost` also when the connection ends inside a reply) and
 * with `ReplySyntaxError` when a line has no reply code or the reply is too long.
 */
export async function readReply(
  stream: SmtpStream,
  limits: ReplyLimits = defaultReplyLimits,
): Promise<ReceivedReply> {
  const lines: string[] = [];
  let total = 0;
  for (;;) {
    const bytes = stream.takeLine(limits.lineLength) ?? await stream.readLine(limits.lineLength);
    if (bytes === null) throw new SmtpStreamError("lost", "The server closed the connection");
    const line = decodeText(bytes);
    total += bytes.length + 2;
    const match = REPLY_LINE.exec(line);
    if (match === null) throw new ReplySyntaxError("The server sent a line that is not an SMTP reply", line);
    if (total > limits.totalLength) throw new ReplySyntaxError("The server sent a reply without end", line);
    if (lines.length < limits.keptLines) lines.push(line);
    if (match[2] === "-") continue;
    const enhanced = ENHANCED.exec(match[3] ?? "")?.[1] ?? "";
    return { code: Number(match[1]), enhanced, lines };
  }
}
