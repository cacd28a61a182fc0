import { splitList } from "../../core/config/mod.ts";
import { reply, type Word } from "../../core/smtp/mod.ts";
import { TableError } from "../../core/table/mod.ts";
import { checkHelo } from "./access/stages.ts";
import { authKeywords } from "./auth.ts";
import { printable } from "./printable.ts";
import type { Session } from "./session.ts";
import { keywordSet } from "./settings.ts";
import { XCLIENT_KEYWORD } from "./xclient.ts";
import { XFORWARD_KEYWORD } from "./xforward.ts";

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
  { name: "verp", line: ({ mayVerp }) => mayVerp ? "XVERP" : undefined },
  { name: "xclient", line: ({ mayXclient }) => mayXclient ? XCLIENT_KEYWORD : undefined },
  { name: "xforward", line: ({ mayXforward }) => mayXforward ? XFORWARD_KEYWORD : undefined },
  { name: "enhancedstatuscodes", line: () => "ENHANCEDSTATUSCODES" },
  { name: "8bitmime", line: () => "8BITMIME" },
  { name: "dsn", line: () => "DSN" },
  { name: "smtputf8", line: ({ settings }) => settings.smtputf8 ? "SMTPUTF8" : undefined },
  { name: "chunking", line: () => "CHUNKING" },
  // RFC 8689 section 4.1: under TLS only.
  {
    name: "requiretls",
    line: ({ settings, tls }) => settings.requireTls && tls !== undefined ? "REQUIRETLS" : undefined,
  },
];

/** In which order the log names what is not offered. */
const DISCARDABLE = [
  "8bitmime",
  "auth",
  "etrn",
  "pipelining",
  "size",
  "verp",
  "vrfy",
  "xclient",
  "xforward",
  "starttls",
  "enhancedstatuscodes",
  "dsn",
  "smtputf8",
  "chunking",
  "requiretls",
];

/** Asks which extensions this client is not offered, and says so in the log. False, with a reply: nobody can say. */
async function findDiscarded(session: Session): Promise<boolean> {
  const { settings, client, service } = session;
  if (!settings.discardKeywordMaps.isEmpty) {
    try {
      const found = await settings.discardKeywordMaps.lookup(client.address);
      session.discarded = found === undefined ? settings.discardKeywords : keywordSet(splitList(found));
    } catch (error) {
      if (!(error instanceof TableError)) throw error;
      session.warn(`don't know what EHLO features to announce to ${client.label}`);
      session.refuseTroubled();
      return false;
    }
  }
  if (session.discarded.size > 0 && !session.discarded.has("silent-discard")) {
    const names = DISCARDABLE.filter((name) => session.discarded.has(name)).map((name) => name.toUpperCase());
    if (names.length > 0) service.deps.log.info(`discarding EHLO keywords: ${names.join(" ")}`);
  }
  return true;
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
  await session.transcript?.flushIfLong(session);
  session.reset();
  // A client that has spoken ESMTP once is taken for one that can.
  if (protocol === "ESMTP") session.protocol = protocol;
  return true;
}

/** HELO (RFC 5321 section 4.1.1.1). */
export async function helo(session: Session, words: readonly Word[]): Promise<boolean> {
  if (!await hello(session, words, "SMTP")) return false;
  session.reply(reply(250, "", session.settings.hostname));
  return true;
}

/** EHLO, which lists what this server can do. */
export async function ehlo(session: Session, words: readonly Word[]): Promise<boolean> {
  if (!await hello(session, words, "ESMTP") || !await findDiscarded(session)) return false;
  session.authKeywords = await authKeywords(session);
  if (session.hangup) return false;
  const lines = [session.settings.hostname];
  for (const keyword of KEYWORDS) {
    const line = session.discarded.has(keyword.name) ? undefined : keyword.line(session);
    if (line !== undefined) lines.push(line);
  }
  session.reply(reply(250, "", lines.join("\n")));
  return true;
}
