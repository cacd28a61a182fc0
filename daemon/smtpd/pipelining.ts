import { reply } from "../../core/smtp/mod.ts";
import { printable } from "./printable.ts";
import type { Session } from "./session.ts";

/** How much of unexpected input the log shows, in octets. */
const SHOWN_INPUT = 100;

/**
 * A client has sent more although it has to wait for a reply. That is logged once; with `smtpd_forbid_unauth_pipelining`
 * the session ends with a refusal, and the answer is true.
 * @param after the command that it did not wait for
 */
export function interrupted(session: Session, after: string): boolean {
  const { client, service, settings, stream } = session;
  if (session.pipeliningReported) return false;
  session.pipeliningReported = true;
  const shown = escaped(stream.peek().subarray(0, SHOWN_INPUT)).replace(/(^|\\n) *AUTH .*$/is, "$1AUTH ...");
  service.deps.log.info(
    `improper command pipelining after ${after} from ${client.label}: ${session.authTried ? "..." : shown}`,
    "pipelining",
    {
      client: client.label,
      clientAddress: client.address,
      stage: after,
    },
  );
  if (!settings.forbidUnauthPipelining) return false;
  session.errors += 1;
  session.reply(reply(554, "5.5.0", "Error: SMTP protocol synchronization"));
  session.hangup = true;
  return true;
}

/** A command line for the log, cut; nothing of what may be a password. */
export function shownCommand(session: Session, line: string, most: number): string {
  return session.authTried || /^\s*AUTH\b/i.test(line) ? "..." : printable(line).slice(0, most);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\r": "\\r",
  "\n": "\\n",
  "\t": "\\t",
  "\b": "\\b",
  "\f": "\\f",
  "\v": "\\v",
  "\x07": "\\a",
  "\\": "\\\\",
};

/** Octets as C strings are written. */
export function escaped(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    text += ESCAPES[character] ??
      (byte >= 32 && byte < 127 ? character : "\\" + byte.toString(8).padStart(3, "0"));
  }
  return text;
}
