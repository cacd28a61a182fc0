/** Header and body checks: asks the tables and does what they say (header_checks(5)). */
import { checkAction, isHeaderText } from "../../core/message/mod.ts";
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

function act(
  state: MessageState,
  mapClass: string,
  where: "header" | "body",
  line: string,
  value: string,
): CheckOutcome {
  const { name, text } = checkAction(value);
  const { log } = state.context;
  const note = (verdict: string, detail = text) => state.logVerdict(verdict, where, line, detail);
  switch (name) {
    case "REJECT":
      reject(state, where, line, text);
      return KEEP;
    case "WARN":
      note("warning");
      return KEEP;
    case "INFO":
      note("info");
      return KEEP;
    case "FILTER":
      if (text === "") log.warning(`missing FILTER command argument in ${mapClass} map`);
      else if (!text.includes(":")) {
        log.warning(`bad FILTER command ${text} in ${mapClass} -- need transport:destination`);
      } else {
        state.filter = text;
        note("filter");
      }
      return KEEP;
    case "PASS":
      note("pass");
      state.flags &= ~INSPECTION;
      return KEEP;
    case "DISCARD":
      note("discard");
      state.flags = (state.flags | CleanupFlag.Discard) & ~INSPECTION;
      return KEEP;
    case "HOLD":
      if ((state.flags & (CleanupFlag.Hold | CleanupFlag.Discard)) === 0) {
        note("hold");
        state.flags |= CleanupFlag.Hold;
      }
      return KEEP;
    case "PREPEND":
      if (!replacementFits(state, "PREPEND", mapClass, where, text)) return KEEP;
      note("prepend");
      return { keep: true, prepend: text };
    case "REPLACE":
      if (!replacementFits(state, "REPLACE", mapClass, where, text)) return KEEP;
      note("replace");
      return { keep: true, replace: text };
    case "REDIRECT":
      if (!text.includes("@")) {
        log.warning(`bad REDIRECT target "${text}" in ${mapClass} map -- need user@domain`);
      } else {
        state.redirect = text;
        note("redirect");
        state.flags &= ~INSPECTION;
      }
      return KEEP;
    case "BCC":
      if (!text.includes("@")) {
        log.warning(`bad BCC address "${text}" in ${mapClass} map -- need user@domain`);
      } else {
        state.bccRecipients.push(text);
        note("bcc");
      }
      return KEEP;
    case "STRIP":
      note("strip");
      return DROP;
    case "IGNORE":
      return DROP;
    case "DUNNO":
    case "OK":
      return KEEP;
    default:
      log.warning(`unknown command in ${mapClass} map: ${value}`);
      return KEEP;
  }
}

function replacementFits(
  state: MessageState,
  action: "PREPEND" | "REPLACE",
  mapClass: string,
  where: "header" | "body",
  text: string,
): boolean {
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
function reject(state: MessageState, where: "header" | "body", line: string, text: string): void {
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
