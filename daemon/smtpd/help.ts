import { reply } from "../../core/smtp/mod.ts";
import type { Session } from "./session.ts";

/** Commands for a few trusted clients: others need not know about them. */
const UNMENTIONED = new Set(["XCLIENT", "XFORWARD"]);

/** HELP (RFC 5321 section 4.1.1.8): names the commands. Postfix has no such command and says 500. */
export function help(session: Session, commands: Iterable<string>): boolean {
  const names = [...commands].filter((name) => !UNMENTIONED.has(name));
  session.reply(reply(214, "2.0.0", `Commands: ${names.join(" ")}`));
  return true;
}
