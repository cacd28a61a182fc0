import type { MaybePromise } from "../../../core/table/mod.ts";
import type { Check, Outcome } from "./check.ts";
import { type Deed, describe, type RestrictionList } from "./compile.ts";
import { logPermit } from "./permit_log.ts";
import { restrictions } from "./restrictions.ts";

/** What working through a list needs of the lists of a service. */
export interface ListWorld {
  /** The parameter that a list stands in; undefined for a restriction class or a list out of an access table. */
  parameterOf(list: RestrictionList): string | undefined;
  classOf(name: string): RestrictionList;
  /** Does `smtpd_log_access_permit_actions` name anything? */
  readonly logsPermits: boolean;
}

const MOST_DEPTH = 100;

/** What a table without a check_..._access in front of it is asked, by stage. */
const DEFAULT_MAP_CHECK: Readonly<Record<string, string>> = {
  client: "check_client_access",
  helo: "check_helo_access",
  sender: "check_sender_access",
  recipient: "check_recipient_access",
  etrn: "check_etrn_access",
};

/** Restrictions behind which nothing in a list is reached. */
const FINAL = new Set(["permit", "reject", "defer", "check_relay_domains"]);

/**
 * Works through a list until a restriction decides. The answer is there at once if every restriction's is: most ask
 * tables in files or none at all, and a promise for each would cost more than the asking.
 */
export function walk(world: ListWorld, check: Check, list: RestrictionList): MaybePromise<Outcome> {
  check.depth += 1;
  if (check.depth > MOST_DEPTH) {
    const { from } = check;
    check.session.warn(
      from === undefined
        ? "restriction classes cause unreasonable recursion"
        : `access table ${from.table} entry ${from.value} causes unreasonable recursion`,
    );
    return check.misconfigured();
  }
  check.session.trace?.enter(world.parameterOf(list));
  return walkFrom(world, check, list, 0);
}

function walkFrom(
  world: ListWorld,
  check: Check,
  list: RestrictionList,
  start: number,
): MaybePromise<Outcome> {
  for (let at = start; at < list.length; at++) {
    const step = list[at]!;
    if (step.kind === "warn") {
      check.warnOnly = true;
      continue;
    }
    const answer = check.session.trace?.before(describe(step), check) ?? ask(world, check, step);
    const outcome = answer instanceof Promise
      ? answer.then((given) => conclude(world, check, list, at, given))
      : conclude(world, check, list, at, answer);
    if (outcome instanceof Promise) {
      return outcome.then((decided) => decided === "dunno" ? walkFrom(world, check, list, at + 1) : decided);
    }
    if (outcome !== "dunno") return outcome;
  }
  check.depth -= 1;
  return "dunno";
}

/** What a step answers. */
function ask(world: ListWorld, check: Check, step: Deed): MaybePromise<Outcome> {
  switch (step.kind) {
    case "run":
      return step.restriction.run(check, step.argument);
    case "table":
      return askBareTable(check, step.name);
    case "class":
      return walk(world, check, world.classOf(step.name));
    case "note":
      for (const problem of step.problems) check.session.warn(problem);
      return "dunno";
    case "broken":
      for (const problem of step.problems) check.session.warn(problem);
      return check.misconfigured();
  }
}

/** What a table without a restriction in front of it is asked depends on what is being checked. */
function askBareTable(check: Check, table: string): MaybePromise<Outcome> {
  const restriction = restrictions.get(DEFAULT_MAP_CHECK[check.stage] ?? "");
  if (restriction !== undefined) return restriction.run(check, table);
  check.session.warn(`specify a restriction in front of the table "${table}"`);
  return check.misconfigured();
}

/** Tells the log and the trace what the step at `at` answered. */
function conclude(
  world: ListWorld,
  check: Check,
  list: RestrictionList,
  at: number,
  outcome: Outcome,
): MaybePromise<Outcome> {
  const step = list[at] as Deed;
  const told = () => {
    check.session.trace?.after(describe(step), outcome, check);
    if (step.kind === "run" && FINAL.has(step.name) && !check.warnOnly) {
      warnAbout(check, step.name, list[at + 1]);
    }
    check.warnOnly = false;
    return outcome;
  };
  const permits = outcome === "ok" && step.kind === "run" && check.stage !== "rewrite";
  return permits && world.logsPermits ? logPermit(check, step.name).then(told) : told();
}

/** Tells of a restriction that is never reached. */
function warnAbout(check: Check, final: string, next: RestrictionList[number] | undefined): void {
  if (next === undefined) return;
  const name = next.kind === "warn" ? "warn_if_reject" : describe(next).split(" ", 1)[0];
  check.session.warn(`restriction \`${name}' after \`${final}' is ignored`);
}
