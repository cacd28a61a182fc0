import { type MaybePromise, TableError } from "../table/types.ts";
import type { AddressDeps, Routing } from "./types.ts";
import { openDomainLists } from "./domains.ts";
import { findAddress, type FindRules, type FindScope, type Found } from "./find.ts";
import { type MapList, openMapList } from "./map_list.ts";
import { createRecipientChecker, type RecipientCheck, type RecipientChecker } from "./recipients.ts";
import { createRouting } from "./routing.ts";
import { runSteps, type Steps, wait } from "./steps.ts";

/** What trivial-rewrite(8) and the table searches of other programs know, for one configuration snapshot. */
export interface Addressing extends Routing {
  /** Is there anybody behind a recipient (internal form)? Throws `TableError` when a table can't answer. */
  checkRecipient(recipient: string, sender?: string): MaybePromise<RecipientCheck>;
  /** The same for `smtpd_reject_unlisted_sender`. */
  checkSender(sender: string): MaybePromise<RecipientCheck>;
  /** Opens the tables of a parameter for `find`. */
  openMaps(parameter: string): MapList;
  /** Looks an address (internal form) up in the order that address tables use. Throws `TableError`. */
  find(maps: MapList, address: string, scope?: FindScope): MaybePromise<Found | undefined>;
  /** How addresses are split and searched, for code that runs `Steps` of its own. */
  readonly rules: FindRules;
}

/** Compiles one configuration snapshot. Throws `ConfigError` or `TableError` if lists or tables can't be opened. */
export function createAddressing(deps: AddressDeps): Addressing {
  const { config } = deps;
  const domains = openDomainLists(deps);
  const rules: FindRules = {
    delimiters: config.string("recipient_delimiter"),
    ownerRequestSpecial: config.bool("owner_request_special"),
    doubleBounceSender: config.string("double_bounce_sender"),
    origin: config.string("myorigin"),
    isLocalDomain: (domain) => domains.isLocal(domain),
    foldCase: (name) => deps.tables.foldCase(name),
  };
  const { rewrite, rewriteInternal, resolve, verifyResolve } = deps.routing ??
    createRouting(deps, domains, rules);
  let checker: RecipientChecker | undefined;

  function* check(address: string, sender: string, role: "recipient" | "sender"): Steps<RecipientCheck> {
    const resolved = yield* wait(resolve(sender, address));
    if (resolved.error?.kind === "temporary") throw new TableError("temporary", resolved.error.text);
    checker ??= createRecipientChecker(deps, rules);
    return yield* checker.check(resolved, role);
  }

  return {
    rewrite,
    rewriteInternal,
    resolve,
    verifyResolve,
    checkRecipient: (recipient, sender = "") => runSteps(check(recipient, sender, "recipient")),
    checkSender: (sender) => runSteps(check(sender, "", "sender")),
    openMaps: (parameter) => openMapList(deps, parameter),
    find: (maps, address, scope) => runSteps(findAddress(rules, maps, address, scope)),
    rules,
  };
}
