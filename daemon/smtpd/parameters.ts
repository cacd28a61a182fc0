import { decodeXtext } from "../../core/smtp/mod.ts";
import { Notify } from "../../core/queue/mod.ts";
import type { Session } from "./session.ts";
import type { Transaction } from "./transaction.ts";

/** A parameter that can't be accepted. */
export interface Refusal {
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
}

const syntax = (text: string): Refusal => ({ code: 501, enhanced: "5.5.4", text });
const dsnDisabled: Refusal = { code: 501, enhanced: "5.7.1", text: "DSN support is disabled" };

/** Parameters seen in one command, to notice repeats. */
export type Seen = Set<string>;

type Parameter<T> = (session: Session, target: T, value: string, seen: Seen) => Refusal | undefined;

function once(seen: Seen, name: string): boolean {
  if (seen.has(name)) return false;
  seen.add(name);
  return true;
}

/** Parameters of MAIL that take a value. */
const MAIL: Readonly<Record<string, Parameter<Transaction>>> = {
  // RFC 1870
  SIZE(_session, transaction, value) {
    if (!/^\d+$/.test(value)) return syntax("Bad message size syntax");
    const size = Number(value);
    if (!Number.isSafeInteger(size)) {
      return { code: 552, enhanced: "5.3.4", text: "Message size exceeds file system imposed limit" };
    }
    transaction.declaredSize = size;
    return undefined;
  },
  // RFC 4954 section 5; only who has authenticated is believed
  AUTH(session, transaction, value) {
    const decoded = decodeXtext(value);
    if (session.login !== undefined && decoded !== undefined && isPrintable(decoded) && decoded !== "<>") {
      transaction.saslSender = decoded;
    }
    return undefined;
  },
  // RFC 3461 section 4.3
  RET(session, transaction, value, seen) {
    if (session.discarded.has("dsn")) return dsnDisabled;
    const flags = { FULL: 1, HDRS: 2 }[value.toUpperCase()];
    if (flags === undefined || !once(seen, "RET")) return syntax("Bad RET parameter syntax");
    transaction.returnFlags = flags;
    return undefined;
  },
  // RFC 3461 section 4.4
  ENVID(session, transaction, value, seen) {
    if (session.discarded.has("dsn")) return dsnDisabled;
    const decoded = decodeXtext(value);
    if (decoded === undefined || decoded === "" || !once(seen, "ENVID") || !isPrintable(decoded)) {
      return syntax("Bad ENVID parameter syntax");
    }
    transaction.envelopeId = decoded;
    return undefined;
  },
};

/** Reads one parameter of MAIL into the transaction. */
export function mailParameter(
  session: Session,
  transaction: Transaction,
  word: string,
  seen: Seen,
): Refusal | undefined {
  switch (word.toUpperCase()) {
    case "BODY=8BITMIME":
      transaction.encoding = "8bit";
      return undefined;
    case "BODY=7BIT":
      transaction.encoding = "7bit";
      return undefined;
    case "SMTPUTF8":
      if (!session.settings.smtputf8 || session.discarded.has("smtputf8")) break;
      transaction.smtputf8 = true;
      return undefined;
  }
  if (/^XVERP(?:=|$)/i.test(word)) return verp(session, transaction, word);
  if (word.toUpperCase() === "REQUIRETLS") return requireTls(session, transaction, word);
  const equals = word.indexOf("=");
  const parameter = equals < 0 ? undefined : MAIL[word.slice(0, equals).toUpperCase()];
  return parameter === undefined
    ? unsupported(word)
    : parameter(session, transaction, word.slice(equals + 1), seen);
}

/** REQUIRETLS (RFC 8689 section 4.1): only where it was offered, which takes TLS. */
function requireTls(session: Session, transaction: Transaction, word: string): Refusal | undefined {
  if (!session.settings.requireTls || session.tls === undefined || session.discarded.has("requiretls")) {
    return unsupported(word);
  }
  transaction.requireTls = true;
  return undefined;
}

/** XVERP or XVERP=-=: every recipient gets a sender address of its own (VERP_README). */
function verp(session: Session, transaction: Transaction, word: string): Refusal | undefined {
  const { verpDelimiters, verpFilter } = session.settings;
  if (!session.mayVerp || session.discarded.has("verp")) return unsupported(word);
  const delimiters = word.length === "XVERP".length ? verpDelimiters : word.slice("XVERP=".length);
  if (delimiters.length !== 2 || [...delimiters].some((each) => !verpFilter.includes(each))) {
    return syntax(`Error: XVERP needs two characters from ${verpFilter}`);
  }
  if (transaction.sender === "") {
    return { code: 503, enhanced: "5.5.4", text: "Error: XVERP requires non-null sender" };
  }
  transaction.verp = delimiters;
  return undefined;
}

/** DSN parameters of one recipient. */
export interface RecipientOptions {
  notify: number;
  originalRecipient: string;
}

const NOTIFY_WORDS: Readonly<Record<string, number>> = {
  NEVER: Notify.Never,
  SUCCESS: Notify.Success,
  FAILURE: Notify.Failure,
  DELAY: Notify.Delay,
};

const RCPT: Readonly<Record<string, Parameter<RecipientOptions>>> = {
  // RFC 3461 section 4.1
  NOTIFY(session, options, value, seen) {
    if (session.discarded.has("dsn")) return dsnDisabled;
    let flags = 0;
    for (const word of value.split(",")) {
      const flag = NOTIFY_WORDS[word.toUpperCase()];
      if (flag === undefined && word !== "") {
        session.warn(`unknown DSN NOTIFY command value "${word}" in "${value}"`);
      }
      if (flag === undefined) return syntax("Error: Bad NOTIFY parameter syntax");
      flags |= flag;
    }
    const contradictory = (flags & Notify.Never) !== 0 && flags !== Notify.Never;
    if (contradictory || !once(seen, "NOTIFY")) return syntax("Error: Bad NOTIFY parameter syntax");
    options.notify = flags;
    return undefined;
  },
  // RFC 3461 section 4.2, RFC 6533
  ORCPT(session, options, value, seen) {
    if (session.discarded.has("dsn")) return dsnDisabled;
    const semicolon = value.indexOf(";");
    const decoded = semicolon > 0 ? decodeXtext(value.slice(semicolon + 1)) : undefined;
    if (decoded === undefined || !once(seen, "ORCPT") || !isPrintable(decoded)) {
      return syntax("Error: Bad ORCPT parameter syntax");
    }
    options.originalRecipient = `${value.slice(0, semicolon)};${decoded}`;
    return undefined;
  },
};

/** Reads one parameter of RCPT. */
export function recipientParameter(
  session: Session,
  options: RecipientOptions,
  word: string,
  seen: Seen,
): Refusal | undefined {
  const equals = word.indexOf("=");
  const parameter = equals < 0 ? undefined : RCPT[word.slice(0, equals).toUpperCase()];
  return parameter === undefined
    ? unsupported(word)
    : parameter(session, options, word.slice(equals + 1), seen);
}

function unsupported(word: string): Refusal {
  return { code: 555, enhanced: "5.5.4", text: `Unsupported option: ${word}` };
}

function isPrintable(text: string): boolean {
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  return !/[\x00-\x1f\x7f]/.test(text);
}
