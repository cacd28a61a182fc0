import { splitStatus } from "../../../core/status/mod.ts";
import type { MaybePromise } from "../../../core/table/mod.ts";
import type { AccessActions } from "../transaction.ts";
import type { Check, Outcome } from "./check.ts";

/** One lookup that found something. */
export interface Hit {
  /** `hash:/etc/postfix/access`, for the log. */
  readonly table: string;
  readonly key: string;
  readonly value: string;
  /** What refusals name: `<name>: class rejected`. */
  readonly name: string;
  readonly nameClass: string;
}

type Action = (check: Check, hit: Hit, text: string) => MaybePromise<Outcome>;

function permitted(check: Check, hit: Hit): Outcome {
  check.permittedBy = hit;
  return "ok";
}

function refuseHit(check: Check, hit: Hit, code: number, text: string, fallback: string): Outcome {
  const { enhanced, reason } = hitStatus(check, hit, code, text, fallback, "Access denied");
  return check.refuse(code, enhanced, `<${hit.name}>: ${hit.nameClass} rejected: ${reason}`);
}

/** The status and the text of a refusal: what the table says, in the class that the reply code has. */
function hitStatus(
  check: Check,
  hit: Hit,
  code: number,
  text: string,
  fallback: string,
  otherwise: string,
): { enhanced: string; reason: string } {
  const given = splitStatus(text, fallback);
  const enhanced = `${String(code)[0]}${given.status.slice(1)}`;
  return {
    enhanced: check.statusFor(hit.nameClass, enhanced),
    reason: given.text || otherwise,
  };
}

/** Says in the log that an action makes no sense as written; the entry is then passed over. */
function unusable(check: Check, hit: Hit, problem: string): Outcome {
  check.session.warn(`access table ${hit.table} entry "${hit.key}" ${problem}`);
  return "dunno";
}

/** The transaction's wishes to cleanup; undefined outside of a transaction, with a line in the log. */
function wishes(check: Check, hit: Hit, action: string): AccessActions | undefined {
  if (check.session.settings.proxyFilter !== undefined && action !== "PREPEND") {
    check.session.warn(
      `access table ${hit.table}: with smtpd_proxy_filter specified, action ${action} is unavailable`,
    );
    return undefined;
  }
  const actions = check.session.transaction?.actions;
  if (actions === undefined) {
    check.session.warn(
      check.session.where === "ETRN"
        ? `access table ${hit.table}: action ${action} is unavailable in smtpd_etrn_restrictions`
        : `access table ${hit.table}: with smtpd_delay_reject=no, action ${action} is always skipped in Client host or Helo command restrictions`,
    );
  }
  return actions;
}

function isMailAddress(text: string): boolean {
  return /^[^\s@]+@[^\s@]+$/.test(text);
}

/** The actions of access(5) by their first word. */
const ACTIONS: Readonly<Record<string, Action>> = {
  OK: permitted,
  DUNNO: () => "dunno",
  REJECT: (check, hit, text) =>
    refuseHit(check, hit, check.session.settings.codes.accessReject, text, "5.7.1"),
  DEFER: (check, hit, text) => refuseHit(check, hit, check.session.settings.codes.accessDefer, text, "4.7.1"),
  HANGUP: (check) => {
    check.log("hangup", "");
    // The client hears nothing any more.
    check.session.hangup = true;
    return check.refuseSilently();
  },
  DEFER_IF_PERMIT: (check, hit, text) => {
    const code = check.session.settings.codes.accessDefer;
    const { enhanced, reason } = hitStatus(check, hit, code, text, "4.7.1", "Service unavailable");
    return check.deferIfPermitted(
      code,
      enhanced,
      `<${hit.name}>: ${hit.nameClass} rejected: ${reason}`,
    );
  },
  DEFER_IF_REJECT: (check, hit, text) => {
    const code = check.session.settings.codes.accessDefer;
    const { enhanced, reason } = hitStatus(check, hit, code, text, "4.7.1", "Service unavailable");
    return check.deferIfRejected(
      code,
      enhanced,
      `<${hit.name}>: ${hit.nameClass} rejected: ${reason}`,
    );
  },
  INFO: (check, _hit, text) => {
    check.log("info", text);
    return "dunno";
  },
  WARN: (check, _hit, text) => {
    check.log("warn", text);
    return "dunno";
  },
  HOLD: (check, hit, text) => {
    const actions = wishes(check, hit, "HOLD");
    if (actions === undefined || actions.hold) return "dunno";
    actions.hold = true;
    check.log("hold", `<${hit.name}>: ${hit.nameClass} ${text === "" ? "triggers HOLD action" : text}`);
    return "dunno";
  },
  DISCARD: (check, hit, text) => {
    const actions = wishes(check, hit, "DISCARD");
    if (actions === undefined) return "dunno";
    actions.discard = true;
    check.log("discard", `<${hit.name}>: ${hit.nameClass} ${text === "" ? "triggers DISCARD action" : text}`);
    return permitted(check, hit);
  },
  FILTER: (check, hit, text) => {
    if (text === "") return unusable(check, hit, "has FILTER entry without value");
    if (!text.includes(":")) {
      return unusable(check, hit, "requires transport:destination");
    }
    const actions = wishes(check, hit, "FILTER");
    if (actions === undefined) return "dunno";
    actions.filter = text;
    check.log("filter", `<${hit.name}>: ${hit.nameClass} triggers FILTER ${text}`);
    return "dunno";
  },
  REDIRECT: (check, hit, text) => {
    if (!isMailAddress(text)) return unusable(check, hit, "requires user@domain target");
    const actions = wishes(check, hit, "REDIRECT");
    if (actions === undefined) return "dunno";
    actions.redirect = text;
    check.log("redirect", `<${hit.name}>: ${hit.nameClass} triggers REDIRECT ${text}`);
    return "dunno";
  },
  BCC: (check, hit, text) => {
    if (!isMailAddress(text)) return unusable(check, hit, "requires user@domain target");
    const actions = wishes(check, hit, "BCC");
    if (actions === undefined) return "dunno";
    if (!actions.bcc.includes(text)) actions.bcc.push(text);
    check.log("bcc", `<${hit.name}>: ${hit.nameClass} triggers BCC ${text}`);
    return "dunno";
  },
  PREPEND: (check, hit, text) => {
    if (!/^[!-9;-~]+\s*:/.test(text)) {
      return unusable(check, hit, "requires header: text");
    }
    const actions = wishes(check, hit, "PREPEND");
    if (actions !== undefined) actions.prepend.unshift(text);
    return "dunno";
  },
};

/** A number alone is what popbsmtp and the like write: it stands for OK. */
const ALL_DIGITS = /^\d+$/;
const REPLY_CODE = /^([45]\d\d)\s+(.*)$/s;

/** An entry without an action is a mistake; what it was meant to do is not known. */
function emptyResult(check: Check, hit: Hit): Outcome {
  if (hit.key === "") {
    // A policy service, which has no keys.
    check.session.warn(`access table ${hit.table} entry  has empty value`);
    return permitted(check, hit);
  }
  check.session.warn(`${hit.table} lookup of ${hit.key} returns an empty string result`);
  check.session.warn(`${hit.table} should return NO RESULT in case of NOT FOUND`);
  return check.refuse(451, "4.3.5", `<${hit.name}>: ${hit.nameClass} rejected: Server configuration error`);
}

/** Does what an access(5) table says. */
export function applyAction(check: Check, hit: Hit): MaybePromise<Outcome> {
  const value = hit.value.trim();
  const blank = value.search(/\s/);
  const word = blank < 0 ? value : value.slice(0, blank);
  const action = ACTIONS[word.toUpperCase()];
  if (action !== undefined) return action(check, hit, blank < 0 ? "" : value.slice(blank).trim());
  if (value === "") return emptyResult(check, hit);
  if (ALL_DIGITS.test(value)) return permitted(check, hit);
  const coded = REPLY_CODE.exec(value);
  if (coded !== null) {
    return refuseHit(check, hit, Number(coded[1]), coded[2] ?? "", `${coded[1]![0]}.7.1`);
  }
  return check.session.service.access.runText(check, value, hit);
}
