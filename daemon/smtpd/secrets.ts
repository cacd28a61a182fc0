/** What the log and notices may show of a client's words: nothing that may be a password. */
import { shownMechanism } from "./auth.ts";
import { printable } from "./printable.ts";
import type { Session } from "./session.ts";
import { verbs } from "./verbs.ts";

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
