/** Header and body checks: asks the tables and does what they say (header_checks(5)). */
import { type CheckAction, checkAction, isHeaderText } from "../../core/message/mod.ts";
import { splitStatus } from "../../core/status/mod.ts";
import type { TableList } from "../../core/table/mod.ts";
import { type MaybePromise, TableError } from "../../core/table/types.ts";
import type { MessageState } from "./state.ts";
import { statusDetail } from "./status.ts";
import { CleanupFlag, CleanupStatus } from "./types.ts";

/** What becomes of a checked line. */
export interface CheckOutcome {
  /** False: the line is dropped. */
  readonly keep: boolean;
  /** A line to write before it. */
  readonly prepend?: string;
  /** What stands in its place. */
  readonly replace?: string;
}

const KEEP: CheckOutcome = { keep: true };
const DROP: CheckOutcome = { keep: false };
/** PASS, REJECT, REDIRECT and DISCARD end all inspection of the message. */
const INSPECTION = CleanupFlag.Filter | CleanupFlag.Milter;

/** Is anything inspected at all? */
export function inspects(state: MessageState, maps: TableList | undefined): maps is TableList {
  return maps !== undefined && (state.flags & CleanupFlag.Filter) !== 0;
}

/**
 * Looks a logical header or a body line up and acts on the result.
 * @param mapClass the parameter, for messages about mistakes in the table
 */
export function check(
  state: MessageState,
  maps: TableList,
  mapClass: string,
  where: "header" | "body",
  text: string,
): MaybePromise<CheckOutcome> {
  try {
    const value = maps.lookup(text);
    if (value === undefined) return KEEP;
    if (typeof value === "string") return act(state, mapClass, where, text, value);
    return value.then(
      (answer) => answer === undefined ? KEEP : act(state, mapClass, where, text, answer),
      (error) => lookupFailed(state, mapClass, error),
    );
  } catch (error) {
    return lookupFailed(state, mapClass, error);
  }
}

/** A table that can't answer must not let a message pass unchecked. */
function lookupFailed(state: MessageState, mapClass: string, error: unknown): CheckOutcome {
  if (!(error instanceof TableError)) throw error;
  state.warn(`${mapClass} map lookup problem -- message not accepted, try again later`);
  state.errors |= CleanupStatus.Write;
  return KEEP;
}

/** A line that a table had an answer for. */
interface Hit {
  readonly state: MessageState;
  readonly mapClass: string;
  readonly where: "header" | "body";
  readonly line: string;
  /** What stands behind the action's name. */
  readonly text: string;
}

function act(
  state: MessageState,
  mapClass: string,
  where: "header" | "body",
  line: string,
  value: string,
): CheckOutcome {
  const { name, text } = checkAction(value);
  if (name !== undefined) return ACTIONS[name]({ state, mapClass, where, line, text }) ?? KEEP;
  state.context.log.warning(`unknown command in ${mapClass} map: ${value}`);
  return KEEP;
}

/** Logs what is done with a line. */
function note({ state, where, line, text }: Hit, verdict: string): void {
  state.logVerdict(verdict, where, line, text);
}

/** The actions of header_checks(5); a line is kept if they say nothing else. */
const ACTIONS: Readonly<Record<NonNullable<CheckAction["name"]>, (hit: Hit) => CheckOutcome | void>> = {
  REJECT: reject,
  WARN: (hit) => note(hit, "warning"),
  INFO: (hit) => note(hit, "info"),
  FILTER: (hit) => {
    const { state, mapClass, text } = hit;
    const { log } = state.context;
    if (text === "") return log.warning(`missing FILTER command argument in ${mapClass} map`);
    if (!text.includes(":")) {
      return log.warning(`bad FILTER command ${text} in ${mapClass} -- need transport:destination`);
    }
    state.filter = text;
    note(hit, "filter");
  },
  PASS: (hit) => {
    note(hit, "pass");
    hit.state.flags &= ~INSPECTION;
  },
  DISCARD: (hit) => {
    note(hit, "discard");
    hit.state.flags = (hit.state.flags | CleanupFlag.Discard) & ~INSPECTION;
  },
  HOLD: (hit) => {
    if ((hit.state.flags & (CleanupFlag.Hold | CleanupFlag.Discard)) !== 0) return;
    note(hit, "hold");
    hit.state.flags |= CleanupFlag.Hold;
  },
  PREPEND: (hit) => {
    if (!replacementFits(hit, "PREPEND")) return;
    note(hit, "prepend");
    return { keep: true, prepend: hit.text };
  },
  REPLACE: (hit) => {
    if (!replacementFits(hit, "REPLACE")) return;
    note(hit, "replace");
    return { keep: true, replace: hit.text };
  },
  REDIRECT: (hit) => {
    if (!isAddress(hit, "REDIRECT target")) return;
    hit.state.redirect = hit.text;
    note(hit, "redirect");
    hit.state.flags &= ~INSPECTION;
  },
  BCC: (hit) => {
    if (!isAddress(hit, "BCC address")) return;
    hit.state.bccRecipients.push(hit.text);
    note(hit, "bcc");
  },
  STRIP: (hit) => {
    note(hit, "strip");
    return DROP;
  },
  IGNORE: () => DROP,
  DUNNO: () => KEEP,
  OK: () => KEEP,
};

function isAddress({ state, mapClass, text }: Hit, what: string): boolean {
  if (text.includes("@")) return true;
  state.context.log.warning(`bad ${what} "${text}" in ${mapClass} map -- need user@domain`);
  return false;
}

function replacementFits({ state, mapClass, where, text }: Hit, action: "PREPEND" | "REPLACE"): boolean {
  const { log } = state.context;
  if (text === "") {
    log.warning(`${action} action without text in ${mapClass} map`);
    return false;
  }
  if (where === "header" && !isHeaderText(text)) {
    log.warning(
      `bad ${action} header text "${text}" in ${mapClass} map -- need "headername: headervalue"`,
    );
    return false;
  }
  return true;
}

/** `5.7.1 text` of a REJECT action: a status of class 4 defers, one of another class than 4 or 5 is mended. */
function reject({ state, where, line, text }: Hit): void {
  const standard = statusDetail(CleanupStatus.Content);
  const given = splitStatus(text, standard.dsn);
  let dsn = given.status;
  if (dsn.startsWith("2")) {
    state.context.log.warning(`bad DSN action in ${text} -- need 4.x.x or 5.x.x`);
    dsn = "4" + dsn.slice(1);
  }
  state.reason = `${dsn} ${given.text || standard.text}`;
  state.errors |= dsn.startsWith("4") ? CleanupStatus.Defer : CleanupStatus.Content;
  state.flags &= ~INSPECTION;
  state.logVerdict("reject", where, line, state.reason);
}
