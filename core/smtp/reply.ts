import type { ByteBuffer } from "../bytes/mod.ts";

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
