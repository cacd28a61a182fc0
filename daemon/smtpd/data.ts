import { reply } from "../../core/smtp/mod.ts";
import type { Word } from "../../core/smtp/mod.ts";
import { checkData } from "./access/stages.ts";
import { beginContent, endContent, moreInput, passOn } from "./content.ts";
import { withFilter } from "./proxy_message.ts";
import type { Session } from "./session.ts";

/** DATA (RFC 5321 section 4.1.1.4). */
export async function data(session: Session, words: readonly Word[]): Promise<boolean> {
  const { stream, settings, transaction } = session;
  if (session.chunks !== "none") return session.refuse(503, "5.5.1", "Error: DATA after BDAT");
  if (transaction === undefined) return session.refuse(503, "5.5.1", "Error: need RCPT command");
  if (transaction.recipients === 0) {
    return session.refuse(554, "5.5.1", "Error: no valid recipients", "nobody");
  }
  if (words.length !== 1) return session.refuse(501, "5.5.4", "Syntax: DATA");
  const refusal = await checkData(session);
  if (refusal !== undefined) {
    session.reply(refusal);
    return false;
  }
  const { proxy } = transaction;
  const refused = proxy === undefined ? undefined : await withFilter(session, () => proxy.command("DATA", 3));
  if (refused !== undefined) {
    session.rawReply(refused);
    return false;
  }
  session.reply(reply(354, "", "End data with <CR><LF>.<CR><LF>"));
  await stream.flush();
  const reader = beginContent(session, transaction, true);
  session.receiving = "DATA";
  stream.expectMuch(true);
  if (settings.perRequestDeadline) stream.setDeadline(settings.timeout);
  for (;;) {
    if (stream.buffered > 0) {
      stream.skip(reader.read(stream.peek(), transaction.records));
      await passOn(session, transaction, reader);
      if (reader.done) break;
    }
    await moreInput(session);
  }
  stream.expectMuch(false);
  stream.setTimeout(settings.timeout);
  return await endContent(session, transaction, reader, (id) => `queued as ${id}`);
}
