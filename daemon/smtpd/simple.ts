import { reply } from "../../core/smtp/mod.ts";
import type { Word } from "../../core/smtp/mod.ts";
import { then } from "./access/restriction.ts";
import type { Session } from "./session.ts";

export function rset(session: Session, words: readonly Word[]): boolean | Promise<boolean> {
  if (words.length !== 1) return session.refuse(501, "5.5.4", "Syntax: RSET");
  session.reset();
  return then(session.transcript?.flushIfLong(session), () => {
    session.reply(reply(250, "2.0.0", "Ok"));
    return true;
  });
}

export function noop(session: Session): boolean {
  session.reply(reply(250, "2.0.0", "Ok"));
  return true;
}

export function quit(session: Session): boolean {
  session.reply(reply(221, "2.0.0", "Bye"));
  session.hangup = true;
  return true;
}
