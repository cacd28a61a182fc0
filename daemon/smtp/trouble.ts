import { SmtpStreamError } from "../../core/smtp/mod.ts";
import { TableError } from "../../core/table/mod.ts";
import type { Attempt } from "./attempt.ts";
import { localDetail, oneLine, remoteDetail, type ServerReply } from "./dsn.ts";
import { EndlessReplyError, type Session } from "./session.ts";

/** `host X said: REPLY (in reply to COMMAND)`. */
export function refusal(session: Session, reply: ServerReply, command: string) {
  noteCode(session, reply);
  const reason = `host ${session.named} said: ${oneLine(reply)} (in reply to ${command})`;
  return remoteDetail(session.peer.host, reply, reply.status, reason);
}

/** A server that says 421 is about to close the connection (RFC 5321 section 3.8). */
function noteCode(session: Session, reply: ServerReply): void {
  if (reply.code === 421) session.closing = true;
}

/** The server refuses to talk to us at all. @param status in place of the reply's own */
export async function failSite(
  attempt: Attempt,
  session: Session,
  reply: ServerReply,
  reason: string,
  status = reply.status,
): Promise<void> {
  await session.leave();
  await attempt.failAll(session.relay, remoteDetail(session.peer.host, reply, status, reason), true);
}

/** We refuse to go on with this server. */
export async function failSiteLocally(
  attempt: Attempt,
  session: Session,
  status: string,
  reason: string,
): Promise<void> {
  await session.leave();
  await attempt.failAll(session.relay, localDetail(status, reason), true);
}

/** The conversation broke. @param doing what was going on: `sending MAIL FROM` */
export async function failConversation(
  attempt: Attempt,
  session: Session,
  error: unknown,
  doing: string,
): Promise<void> {
  session.close();
  if (error instanceof TableError) {
    const reason = `local data error while talking to ${session.named}`;
    return await attempt.failAll(session.relay, localDetail("4.3.0", reason), true);
  }
  await attempt.failAll(
    session.relay,
    localDetail("4.4.2", conversationTrouble(session, error, doing)),
    true,
  );
}

function conversationTrouble(session: Session, error: unknown, doing: string): string {
  if (error instanceof SmtpStreamError && error.kind === "timeout") {
    return `conversation with ${session.named} timed out while ${doing}`;
  }
  if (error instanceof EndlessReplyError) {
    return `reply without end from ${session.named} while ${doing}`;
  }
  if (!(error instanceof SmtpStreamError)) throw error;
  return `lost connection with ${session.named} while ${doing}`;
}
