import type { MaybePromise, Table, TableSet } from "../../../core/table/mod.ts";
import { parseSpec, TableError } from "../../../core/table/mod.ts";
import type { Check, Outcome } from "./check.ts";

/** What a restriction takes behind its name. */
export type ArgumentKind = "none" | "table" | "search" | "domain" | "seconds" | "service";

/** One restriction of the manual. */
export interface Restriction {
  readonly argument: ArgumentKind;
  /** What is wrong with an argument, for the log; for kind `search`. */
  problems?(argument: string): readonly string[];
  /** @param argument the word behind the name; empty for kind `none` */
  run(check: Check, argument: string): MaybePromise<Outcome>;
}

/** Is this `type:name` with a type of table that there is? */
export function isTable(word: string): boolean {
  try {
    parseSpec(word);
    return word.includes(":");
  } catch (error) {
    if (error instanceof TableError) return false;
    throw error;
  }
}

/** A restriction without argument. */
export function plain(run: (check: Check) => MaybePromise<Outcome>): Restriction {
  return { argument: "none", run };
}

/** Opens a table; opening the same one again costs a map lookup. */
export function tableOf(tables: TableSet, spec: string): Table {
  return tables.open(spec);
}

/**
 * Runs a lookup and turns a table that can't answer into a temporary refusal, with a line in the log: mail must not slip
 * through because a table is broken, not even behind `warn_if_reject`.
 * @param name what was looked up, for the reply
 */
export function guarded(check: Check, name: string, run: () => MaybePromise<Outcome>): MaybePromise<Outcome> {
  const failed = (error: unknown): Outcome => {
    if (!(error instanceof TableError)) throw error;
    // Of a table that could not be opened, the log has been told.
    if (!error.unavailable) check.session.warn(error.message);
    check.warnOnly = false;
    return check.refuse(451, "4.3.0", `<${name}>: Temporary lookup failure`, "data");
  };
  try {
    const outcome = run();
    return outcome instanceof Promise ? outcome.catch(failed) : outcome;
  } catch (error) {
    return failed(error);
  }
}

/** Goes on at once where nothing has to be waited for. */
export function then<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/**
 * What becomes of a check when its table can't answer: mail must not slip through because a table is broken, so it is
 * refused for now, with lines in the log. Other errors are thrown on.
 */
export function lookupFailed(
  check: Check,
  spec: string,
  key: string,
  subject: { readonly name: string; readonly nameClass: string },
  error: unknown,
): Outcome {
  if (!(error instanceof TableError)) throw error;
  const broken = error.unavailable || error.kind === "configuration";
  check.session.warn(broken ? `${spec} is unavailable. ${error.message}` : error.message);
  check.session.warn(`${spec} lookup error for "${key}"`);
  return check.refuse(
    451,
    "4.3.5",
    `<${subject.name}>: ${subject.nameClass} rejected: Server configuration error`,
  );
}
