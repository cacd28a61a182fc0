import { type Reply } from "../../../core/smtp/mod.ts";
import type { MaybePromise } from "../../../core/table/mod.ts";
import type { Session } from "../session.ts";
import { Check, type Deferral, type Stage } from "./check.ts";
import { refuseUnlistedRecipient, refuseUnlistedSender } from "./destinations.ts";
import type { RestrictionList } from "./compile.ts";
import { then } from "./restriction.ts";

/** Earlier `defer_if_permit` verdicts that a recipient inherits. */
const DEFERRAL_KEY = { client: "defer client", helo: "defer helo", sender: "defer sender" } as const;

/** A refusal, which is in the log then, or undefined; at once if no restriction had to wait. */
type Verdict = MaybePromise<Reply | undefined>;

function runList(check: Check, list: RestrictionList): Verdict {
  if (list.length === 0) return undefined;
  return then(check.session.service.access.run(check, list), () => check.refusal);
}

function runStage(session: Session, stage: keyof typeof DEFERRAL_KEY, check: Check): Verdict {
  return then(runList(check, session.service.access[stage]), (refusal) => {
    session.verdicts.set(DEFERRAL_KEY[stage], check.deferIfPermit);
    return refusal;
  });
}

/** Asks one check after the other until one refuses. */
function firstRefusal(checks: readonly (() => Verdict)[], at = 0): Verdict {
  const check = checks[at];
  if (check === undefined) return undefined;
  return then(check(), (refusal) => refusal ?? firstRefusal(checks, at + 1));
}

function isDiscarded(session: Session): boolean {
  return session.transaction?.actions.discard === true;
}

/** `smtpd_client_restrictions`. */
export function checkClient(session: Session, subject: Check["subject"] = {}): Verdict {
  return runStage(
    session,
    "client",
    new Check(session, "client", session.client.label, "Client host", subject),
  );
}

/** `smtpd_helo_restrictions`; nothing is checked before HELO. */
export function checkHelo(session: Session, subject: Check["subject"] = {}): Verdict {
  if (session.helo === undefined) return undefined;
  return runStage(session, "helo", new Check(session, "helo", session.helo, "Helo command", subject));
}

/** `smtpd_sender_restrictions` and `smtpd_reject_unlisted_sender`. */
export function checkSender(
  session: Session,
  sender: string,
  subject: Check["subject"] = { sender },
): Verdict {
  const check = new Check(session, "sender", sender, "Sender address", subject);
  return then(runStage(session, "sender", check), (refusal) => {
    if (refusal !== undefined || isDiscarded(session)) return refusal;
    if (!session.settings.rejectUnlistedSender) return undefined;
    const listed = refuseUnlistedSender(check);
    return then(listed, () => check.refusal);
  });
}

/**
 * What RCPT and VRFY have to pass: with `smtpd_delay_reject` the client, HELO and sender lists, then relay and recipient
 * lists, then the tables of valid recipients.
 */
export function checkRecipient(session: Session, recipient: string): Verdict {
  if (isDiscarded(session)) return undefined;
  // RFC 5321 section 4.5.1: postmaster without a domain is always reachable.
  if (recipient.toLowerCase() === "postmaster") return undefined;
  const { settings, service } = session;
  if (service.access.isProbeSender(recipient, service.deps.addressing)) return undefined;
  if (!settings.delayReject) return checkRecipientItself(session, recipient);
  const sender = session.transaction?.sender;
  const subject = { recipient };
  return firstRefusal([
    () => checkClient(session, subject),
    () => checkHelo(session, subject),
    () => sender === undefined ? undefined : checkSender(session, sender, subject),
    () => checkRecipientItself(session, recipient),
  ]);
}

/** Relay and recipient lists, what earlier lists left undecided, and the tables of valid recipients. */
function checkRecipientItself(session: Session, recipient: string): Verdict {
  if (isDiscarded(session)) return undefined;
  const { settings, service } = session;
  const check = new Check(session, "recipient", recipient, "Recipient address", { recipient });
  const inherited = Object.values(DEFERRAL_KEY).map((key) =>
    session.verdicts.get(key) as Deferral | undefined
  );
  check.deferIfPermit = inherited.find((deferral) => deferral !== undefined);
  const ask = (list: RestrictionList) => (): Verdict => {
    if (isDiscarded(session)) return undefined;
    check.depth = 0;
    check.warnOnly = false;
    check.permitLogged = false;
    return runList(check, list);
  };
  const { relay, recipient: others } = service.access;
  const lists = settings.relayBeforeRecipient ? [ask(relay), ask(others)] : [ask(others), ask(relay)];
  return firstRefusal([...lists, () => {
    if (isDiscarded(session)) return undefined;
    if (check.deferIfPermit !== undefined) return refuseDeferred(check, check.deferIfPermit);
    if (!settings.rejectUnlistedRecipient) return undefined;
    const listed = refuseUnlistedRecipient(check);
    return then(listed, () => check.refusal);
  }]);
}

/** `defer_if_permit`: everything else has permitted. */
function refuseDeferred(check: Check, { code, enhanced, text }: Deferral): Reply | undefined {
  check.refuse(code, enhanced, text);
  return check.refusal;
}

function checkAfterRecipients(
  session: Session,
  stage: Stage,
  name: string,
  nameClass: string,
  list: RestrictionList,
): Verdict {
  if (list.length === 0 || isDiscarded(session)) return undefined;
  const transaction = session.transaction;
  const recipient = transaction?.recipients === 1 ? transaction.firstRecipient : undefined;
  const check = new Check(session, stage, name, nameClass, { recipient });
  return then(runList(check, list), (refusal) => {
    if (refusal !== undefined || check.deferIfPermit === undefined) return refusal;
    return refuseDeferred(check, check.deferIfPermit);
  });
}

/** `smtpd_data_restrictions`, at DATA or the first BDAT. */
export function checkData(session: Session): Verdict {
  const { data } = session.service.access;
  return checkAfterRecipients(session, "data", session.where, "Data command", data);
}

/** `smtpd_end_of_data_restrictions`. */
export function checkEndOfData(session: Session): Verdict {
  const { endOfData } = session.service.access;
  return checkAfterRecipients(session, "end_of_data", session.where, "End-of-data", endOfData);
}

/** `smtpd_etrn_restrictions`, behind those of the client and of HELO if they are delayed. */
export function checkEtrn(session: Session, domain: string): Verdict {
  const subject = { etrn: domain };
  const check = new Check(session, "etrn", domain, "Etrn command", subject);
  const itself = () => runList(check, session.service.access.etrn);
  if (!session.settings.delayReject) return itself();
  return firstRefusal([() => checkClient(session, subject), () => checkHelo(session, subject), itself]);
}

/** `local_header_rewrite_clients`: are this client's headers completed with our own domain? */
export function isRewriteClient(session: Session): MaybePromise<boolean> {
  const known = session.verdicts.get("rewrite") as boolean | undefined;
  if (known !== undefined) return known;
  const check = new Check(session, "rewrite", session.client.label, "Client host");
  return then(session.service.access.run(check, session.service.access.rewriteClients), (outcome) => {
    session.verdicts.set("rewrite", outcome === "ok");
    return outcome === "ok";
  });
}
