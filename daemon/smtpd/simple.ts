import { reply } from "../../core/smtp/mod.ts";
import type { Word } from "../../core/smtp/mod.ts";
import { then } from "./access/restriction.ts";
import type { Session } from "./session.ts";

/** RSET (RFC 5321 section 4.1.1.5). */
export function rset(session: Session, words: readonly Word[]): boolean | Promise<boolean> {
  if (words.length !== 1) return session.refuse(501, "5.5.4", "Syntax: RSET");
  session.reset();
  return then(session.transcript?.flushIfLong(session), () => {
    session.reply(reply(250, "2.0.0", "Ok"));
    return true;
  });
}

/** NOOP; what stands behind it is of no interest. */
export function noop(session: Session): boolean {
  session.reply(reply(250, "2.0.0", "Ok"));
  return true;
}

/** QUIT: the session ends with the reply. */
export function quit(session: Session): boolean {
  session.reply(reply(221, "2.0.0", "Bye"));
  session.hangup = true;
  return true;
}
