import { type Reply } from "../../../core/smtp/mod.ts";
import type { Session } from "../session.ts";
import { Check, type Deferral, type Stage } from "./check.ts";
import { refuseUnlistedRecipient, refuseUnlistedSender } from "./destinations.ts";
import type { RestrictionList } from "./lists.ts";
import { guarded } from "./restriction.ts";

/** Earlier `defer_if_permit` verdicts that a recipient inherits. */
const DEFERRAL_KEY = { client: "defer client", helo: "defer helo", sender: "defer sender" } as const;

async function runList(check: Check, list: RestrictionList): Promise<Reply | undefined> {
  if (list.length === 0) return undefined;
  await check.session.service.access.run(check, list);
  return check.refusal;
}

async function runStage(
  session: Session,
  stage: keyof typeof DEFERRAL_KEY,
  check: Check,
): Promise<Reply | undefined> {
  const refusal = await runList(check, session.service.access[stage]);
  session.verdicts.set(DEFERRAL_KEY[stage], check.deferIfPermit);
  return refusal;
}

function isDiscarded(session: Session): boolean {
  return session.transaction?.actions.discard === true;
}

/** `smtpd_client_restrictions`. Returns the refusal, if any; it is in the log then. All stages do. */
export function checkClient(session: Session, subject: Check["subject"] = {}): Promise<Reply | undefined> {
  return runStage(
    session,
    "client",
    new Check(session, "client", session.client.label, "Client host", subject),
  );
}

/** `smtpd_helo_restrictions`; nothing is checked before HELO. */
export function checkHelo(session: Session, subject: Check["subject"] = {}): Promise<Reply | undefined> {
  if (session.helo === undefined) return Promise.resolve(undefined);
  return runStage(session, "helo", new Check(session, "helo", session.helo, "Helo command", subject));
}

/** `smtpd_sender_restrictions` and `smtpd_reject_unlisted_sender`. */
export async function checkSender(
  session: Session,
  sender: string,
  subject: Check["subject"] = { sender },
): Promise<Reply | undefined> {
  const check = new Check(session, "sender", sender, "Sender address", subject);
  const refusal = await runStage(session, "sender", check);
  if (refusal !== undefined || isDiscarded(session)) return refusal;
  if (session.settings.rejectUnlistedSender) {
    await guarded(check, sender, "Sender address", () => refuseUnlistedSender(check));
  }
  return check.refusal;
}

/**
 * What RCPT and VRFY have to pass: with `smtpd_delay_reject` the client, HELO and sender lists, then relay and recipient
 * lists, then the tables of valid recipients.
 */
export async function checkRecipient(session: Session, recipient: string): Promise<Reply | undefined> {
  if (isDiscarded(session)) return undefined;
  // RFC 5321 section 4.5.1: postmaster without a domain is always reachable.
  if (recipient.toLowerCase() === "postmaster") return undefined;
  const sender = session.transaction?.sender;
  const { settings, service } = session;
  if (service.access.isProbeSender(recipient, service.deps.addressing)) return undefined;
  if (settings.delayReject) {
    const refusal = await checkClient(session, { recipient }) ?? await checkHelo(session, { recipient }) ??
      (sender === undefined ? undefined : await checkSender(session, sender, { recipient }));
    if (refusal !== undefined) return refusal;
    if (isDiscarded(session)) return undefined;
  }
  const check = new Check(session, "recipient", recipient, "Recipient address", { recipient });
  const inherited = Object.values(DEFERRAL_KEY).map((key) =>
    session.verdicts.get(key) as Deferral | undefined
  );
  check.deferIfPermit = inherited.find((deferral) => deferral !== undefined);
  const lists = settings.relayBeforeRecipient
    ? [service.access.relay, service.access.recipient]
    : [service.access.recipient, service.access.relay];
  for (const list of lists) {
    check.depth = 0;
    check.warnOnly = false;
    const refusal = await runList(check, list);
    if (refusal !== undefined) return refusal;
    if (isDiscarded(session)) return undefined;
  }
  if (check.deferIfPermit !== undefined) {
    const { code, enhanced, text } = check.deferIfPermit;
    check.refuse(code, enhanced, text);
    return check.refusal;
  }
  if (settings.rejectUnlistedRecipient) {
    await guarded(check, recipient, "Recipient address", () => refuseUnlistedRecipient(check));
  }
  return check.refusal;
}

async function checkAfterRecipients(
  session: Session,
  stage: Stage,
  name: string,
  nameClass: string,
  list: RestrictionList,
): Promise<Reply | undefined> {
  if (list.length === 0 || isDiscarded(session)) return undefined;
  const transaction = session.transaction;
  const recipient = transaction?.recipients === 1 ? transaction.firstRecipient : undefined;
  const check = new Check(session, stage, name, nameClass, { recipient });
  const refusal = await runList(check, list);
  if (refusal !== undefined || check.deferIfPermit === undefined) return refusal;
  check.refuse(check.deferIfPermit.code, check.deferIfPermit.enhanced, check.deferIfPermit.text);
  return check.refusal;
}

/** `smtpd_data_restrictions`, at DATA or the first BDAT. */
export function checkData(session: Session): Promise<Reply | undefined> {
  const { data } = session.service.access;
  return checkAfterRecipients(session, "data", session.where, "Data command", data);
}

/** `smtpd_end_of_data_restrictions`. */
export function checkEndOfData(session: Session): Promise<Reply | undefined> {
  const { endOfData } = session.service.access;
  return checkAfterRecipients(session, "end_of_data", session.where, "End-of-data", endOfData);
}

/** `smtpd_etrn_restrictions`, behind those of the client and of HELO if they are delayed. */
export async function checkEtrn(session: Session, domain: string): Promise<Reply | undefined> {
  const subject = { etrn: domain };
  if (session.settings.delayReject) {
    const refusal = await checkClient(session, subject) ?? await checkHelo(session, subject);
    if (refusal !== undefined) return refusal;
  }
  const check = new Check(session, "etrn", domain, "Etrn command", subject);
  return await runList(check, session.service.access.etrn);
}

/** `local_header_rewrite_clients`: are this client's headers completed with our own domain? */
export async function isRewriteClient(session: Session): Promise<boolean> {
  const known = session.verdicts.get("rewrite") as boolean | undefined;
  if (known !== undefined) return known;
  const check = new Check(session, "rewrite", session.client.label, "Client host");
  const outcome = await session.service.access.run(check, session.service.access.rewriteClients);
  session.verdicts.set("rewrite", outcome === "ok");
  return outcome === "ok";
}
