import { type MaybePromise, TableError } from "../table/types.ts";
import type { AddressDeps } from "./deps.ts";
import { openDomainLists } from "./domains.ts";
import { findAddress, type FindRules, type FindScope, type Found } from "./find.ts";
import { type MapList, openMapList } from "./map_list.ts";
import { toExternal, toInternal } from "./quote.ts";
import { createRecipientChecker, type RecipientCheck, type RecipientChecker } from "./recipients.ts";
import { createResolver, type Resolver } from "./resolve.ts";
import type { Resolved } from "./resolved.ts";
import { type RewriteRules, rewriteTokens } from "./rewrite.ts";
import { runSteps, type Steps, wait } from "./steps.ts";
import { scanTokens, tokensToInternal } from "./tokens.ts";

/** `local`: `$myorigin` and `$mydomain` complete addresses; `remote`: `remote_header_rewrite_domain` does. */
export type RewriteContext = "local" | "remote";

/** What trivial-rewrite(8) and the table searches of other programs know, for one configuration snapshot. */
export interface Addressing {
  /** An address in external form to canonical form, external as well. The empty address stays empty. */
  rewrite(context: RewriteContext, address: string): string;
  /** The same for internal forms: envelope addresses. */
  rewriteInternal(context: RewriteContext, address: string): string;
  /** Where mail from `sender` to `address` (internal forms) goes. Never throws because of a table. */
  resolve(sender: string, address: string): MaybePromise<Resolved>;
  /** The same with the parameters for address probes (`address_verify_*`). */
  verifyResolve(sender: string, address: string): MaybePromise<Resolved>;
  /** `mydestination`, or `[address]` of this host. These four throw `TableError`. */
  isLocalDomain(domain: string): MaybePromise<boolean>;
  isVirtualAliasDomain(domain: string): MaybePromise<boolean>;
  isVirtualMailboxDomain(domain: string): MaybePromise<boolean>;
  isRelayDomain(domain: string): MaybePromise<boolean>;
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

/** Answers remembered for addresses whose rewriting or routing asks no table. */
const CACHE_SIZE = 2000;

/** Names that rewriting leaves as they are: plain atoms with a dot in the domain. */
const CANONICAL =
  /^[A-Za-z0-9#$&'*+\-/=?^_`{}~]+(?:\.[A-Za-z0-9#$&'*+\-/=?^_`{}~]+)*@[A-Za-z0-9\-_]+(?:\.[A-Za-z0-9\-_]+)+$/;

function remembered<T>(compute: (key: string) => T): (key: string) => T {
  let cache = new Map<string, T>();
  return (key) => {
    const known = cache.get(key);
    if (known !== undefined) return known;
    const value = compute(key);
    if (cache.size >= CACHE_SIZE) cache = new Map();
    cache.set(key, value);
    return value;
  };
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
  };
  const swapBangpath = config.bool("swap_bangpath");
  const percentHack = config.bool("allow_percent_hack");
  const remoteDomain = config.string("remote_header_rewrite_domain");
  const rewriteRules: Record<RewriteContext, RewriteRules> = {
    local: {
      origin: config.bool("append_at_myorigin") ? rules.origin : "",
      domain: config.bool("append_dot_mydomain") ? config.string("mydomain") : "",
      swapBangpath,
      percentHack,
    },
    remote: {
      origin: config.bool("append_at_myorigin") ? remoteDomain : "",
      domain: config.bool("append_dot_mydomain") ? remoteDomain : "",
      swapBangpath,
      percentHack,
    },
  };

  const rewriteWith = (context: RewriteContext) =>
    remembered((address: string) =>
      toExternal(tokensToInternal(rewriteTokens(rewriteRules[context], scanTokens(address))))
    );
  const rewriters = { local: rewriteWith("local"), remote: rewriteWith("remote") };
  const rewrite = (context: RewriteContext, address: string) =>
    address === "" || CANONICAL.test(address) ? address : rewriters[context](address);

  const resolverContext = {
    deps,
    domains,
    findRules: rules,
    rewriteRules: rewriteRules.local,
    relocatedMaps: openMapList(deps, "relocated_maps"),
  };
  const normal = createResolver(resolverContext, "");
  const probing = createResolver(resolverContext, "address_verify_");
  let checker: RecipientChecker | undefined;

  function* resolveSafely(resolver: Resolver, sender: string, address: string): Steps<Resolved> {
    try {
      return yield* resolver.resolve(sender, address);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      deps.log?.warning(`cannot resolve <${address}>: ${reason}`);
      return {
        transport: "",
        nexthop: "",
        recipient: address,
        addressClass: "default",
        error: { kind: "temporary", code: "4.3.0", text: "address resolver failure" },
      };
    }
  }

  function* check(address: string, sender: string, role: "recipient" | "sender"): Steps<RecipientCheck> {
    const resolved = yield* wait(normalResolve(sender, address));
    if (resolved.error?.kind === "temporary") throw new TableError("temporary", resolved.error.text);
    checker ??= createRecipientChecker(deps, rules);
    return yield* checker.check(resolved, role);
  }

  const normalResolve = (sender: string, address: string) => runSteps(resolveSafely(normal, sender, address));

  return {
    rewrite,
    rewriteInternal: (context, address) =>
      address === "" || CANONICAL.test(address) ? address : toInternal(rewrite(context, toExternal(address))),
    resolve: normalResolve,
    verifyResolve: (sender, address) => runSteps(resolveSafely(probing, sender, address)),
    isLocalDomain: (domain) => runSteps(domains.isLocal(domain)),
    isVirtualAliasDomain: (domain) => runSteps(domains.virtualAlias.matches(domain)),
    isVirtualMailboxDomain: (domain) => runSteps(domains.virtualMailbox.matches(domain)),
    isRelayDomain: (domain) => runSteps(domains.relay.matches(domain)),
    checkRecipient: (recipient, sender = "") => runSteps(check(recipient, sender, "recipient")),
    checkSender: (sender) => runSteps(check(sender, "", "sender")),
    openMaps: (parameter) => openMapList(deps, parameter),
    find: (maps, address, scope) => runSteps(findAddress(rules, maps, address, scope)),
    rules,
  };
}
