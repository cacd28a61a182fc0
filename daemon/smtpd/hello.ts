import type { Word } from "../../core/smtp/mod.ts";
import { reply } from "../../core/smtp/mod.ts";
import { checkHelo } from "./access/stages.ts";
import { authKeywords } from "./auth.ts";
import { printable, type Session } from "./session.ts";

/** Service extensions in the order in which EHLO names them; each may be taken back by `smtpd_discard_ehlo_keywords`. */
const KEYWORDS: readonly { readonly name: string; line(session: Session): string | undefined }[] = [
  { name: "pipelining", line: () => "PIPELINING" },
  {
    name: "size",
    line: ({ settings }) => settings.messageSizeLimit > 0 ? `SIZE ${settings.messageSizeLimit}` : "SIZE",
  },
  { name: "vrfy", line: ({ settings }) => settings.disableVrfy ? undefined : "VRFY" },
  { name: "etrn", line: () => "ETRN" },
  {
    name: "starttls",
    line: ({ service, tls }) => service.tls !== undefined && tls === undefined ? "STARTTLS" : undefined,
  },
  { name: "auth", line: ({ authKeywords }) => authKeywords },
  { name: "enhancedstatuscodes", line: () => "ENHANCEDSTATUSCODES" },
  { name: "8bitmime", line: () => "8BITMIME" },
  { name: "dsn", line: () => "DSN" },
  { name: "smtputf8", line: ({ settings }) => settings.smtputf8 ? "SMTPUTF8" : undefined },
  { name: "chunking", line: () => "CHUNKING" },
];

/** Has `smtpd_discard_ehlo_keywords` taken this extension back? */
export function isDiscarded(session: Session, keyword: string): boolean {
  return session.settings.discardKeywords.has(keyword);
}

/** The client's name for itself, as the log and the Received: header may carry it. */
function heloName(words: readonly Word[]): string {
  const text = words.slice(1).map((word) => word.text).join(" ");
  return printable(text).replace(/[<>()\\";@]/g, "?");
}

async function hello(session: Session, words: readonly Word[], protocol: "SMTP" | "ESMTP"): Promise<boolean> {
  const verb = protocol === "ESMTP" ? "EHLO" : "HELO";
  if (words.length < 2) return session.refuse(501, "", `Syntax: ${verb} hostname`);
  const before = session.helo;
  session.helo = heloName(words);
  if (!session.settings.delayReject) {
    const refusal = await checkHelo(session);
    if (refusal !== undefined) {
      session.helo = before;
      session.reply(refusal);
      return false;
    }
  }
  session.reset();
  session.protocol = protocol;
  return true;
}

export async function helo(session: Session, words: readonly Word[]): Promise<boolean> {
  if (!await hello(session, words, "SMTP")) return false;
  session.reply(reply(250, "", session.settings.hostname));
  return true;
}

export async function ehlo(session: Session, words: readonly Word[]): Promise<boolean> {
  if (!await hello(session, words, "ESMTP")) return false;
  session.authKeywords = await authKeywords(session);
  if (session.hangup) return false;
  const lines = [session.settings.hostname];
  for (const keyword of KEYWORDS) {
    const line = isDiscarded(session, keyword.name) ? undefined : keyword.line(session);
    if (line !== undefined) lines.push(line);
  }
  session.reply(reply(250, "", lines.join("\n")));
  return true;
}
