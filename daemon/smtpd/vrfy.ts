import { reply } from "../../core/smtp/mod.ts";
import type { Word } from "../../core/smtp/mod.ts";
import { checkRecipient } from "./access/stages.ts";
import { acceptableAddress } from "./path.ts";
import { printable } from "./printable.ts";
import type { Session } from "./session.ts";

/** VRFY address (RFC 5321 section 4.1.1.6, SMTPUTF8 by RFC 6531 section 3.7.4.2). */
export async function vrfy(session: Session, words: readonly Word[]): Promise<boolean> {
  if (session.settings.disableVrfy) return session.refuse(502, "5.5.1", "VRFY command is disabled", "policy");
  if (words.length < 2) return session.refuse(501, "5.5.4", "Syntax: VRFY address [SMTPUTF8]");
  const last = words[words.length - 1]!;
  const utf8 = words.length > 2 && last.text.toUpperCase() === "SMTPUTF8";
  const address = words.slice(1, utf8 ? -1 : undefined);
  const text = address.map((word) => word.text).join(" ");
  const kind = address.length === 1 ? address[0]!.kind : "other";
  const word = { text, kind: kind === "broken" ? "other" : kind } as const;
  const recipient = await acceptableAddress(session, "VRFY", word, { allowEmpty: false, smtputf8: utf8 });
  if (recipient === undefined) return session.refuse(501, "5.1.3", "Bad recipient address syntax");
  const refusal = await checkRecipient(session, recipient);
  if (refusal !== undefined) {
    session.reply(refusal);
    return false;
  }
  session.reply(reply(252, "2.0.0", printable(text)));
  return true;
}
