/** What the log and notices may show of a client's words: nothing that may be a password. */
import { printable, type Session } from "./session.ts";
import { verbs } from "./verbs.ts";

/**
 * A mechanism's name for the log (RFC 4422 section 3.1). Anything else may be credentials behind AUTH without a mechanism:
 * base64 has small letters as a rule, and what is known is shown however it is written.
 */
export function shownMechanism(given: string): string {
  return /^[A-Z0-9_-]{1,20}$/.test(given) || KNOWN_MECHANISM.test(given) ? given : "...";
}

const KNOWN_MECHANISM =
  /^(?:plain|login|(?:cram|digest)-md5|scram-sha-\d+(?:-plus)?|external|x?oauth(?:2|bearer)|gssapi|ntlm|anonymous)$/i;

/** A line from the client as others may see it. */
export function withoutSecrets(session: Session, line: string): string {
  const [, verb = "", rest = ""] = /^\s*(\S+)(.*)$/s.exec(line) ?? [];
  if (verb.toUpperCase() === "AUTH") {
    const [mechanism = "", ...others] = rest.trim().split(/\s+/);
    if (mechanism === "") return "AUTH";
    return `AUTH ${shownMechanism(mechanism)}${others.length === 0 ? "" : " (not shown)"}`;
  }
  // AUTH without the space behind it, or with something else there.
  if (/^auth/i.test(verb)) return "AUTH... (not shown)";
  // After AUTH, what is no command may be a password in the wrong place.
  if (session.authTried && !verbs.has(verb.toUpperCase())) return "(not shown)";
  return printable(line);
}
