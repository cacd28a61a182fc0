import { isHostname, literalAddress } from "../../core/address/mod.ts";
import { reply } from "../../core/smtp/mod.ts";
import type { Word } from "../../core/smtp/mod.ts";
import { checkEtrn } from "./access/stages.ts";
import type { Session } from "./session.ts";

/** ETRN domain (RFC 1985): start delivery of mail that waits for a site. */
export async function etrn(session: Session, words: readonly Word[]): Promise<boolean> {
  if (session.settings.helloRequired && session.helo === undefined) {
    return session.refuse(503, "", "Error: send HELO/EHLO first", "policy");
  }
  if (session.transaction !== undefined) {
    return session.refuse(503, "", "Error: MAIL transaction in progress");
  }
  if (words.length !== 2) return session.refuse(500, "", "Syntax: ETRN domain");
  const domain = words[1]!.text.replace(/^[@#]/, "");
  if (!isHostname(domain) && literalAddress(domain) === undefined) {
    return session.refuse(501, "", "Error: invalid parameter syntax");
  }
  const refusal = await checkEtrn(session, domain);
  if (refusal !== undefined) {
    session.reply(refusal);
    return false;
  }
  const result = await session.service.deps.flushSite?.(domain) ?? "denied";
  switch (result) {
    case "ok":
      session.reply(reply(250, "", "Queuing started"));
      return true;
    case "bad":
      session.warn(`bad ETRN ${domain}... from ${session.client.label}`);
      return session.refuse(458, "", "Unable to queue messages", "nobody");
    case "denied":
      session.warn(`reject: ETRN ${domain}... from ${session.client.label}`);
      return session.refuse(459, "", `<${domain}>: service unavailable`, "nobody");
    case "failed":
      session.warn(`unable to queue mail for ${domain}`);
      return session.refuse(458, "", "Unable to queue messages", "nobody");
  }
}
