import type { AddressDeps } from "./types.ts";
import type { DomainLists } from "./domains.ts";
import { findAddress, type FindRules, type FindScope } from "./find.ts";
import { isHostname, literalAddress } from "./hostname.ts";
import { type MapList, openMapList } from "./map_list.ts";
import { parentMatchesSubdomains } from "./name_list.ts";
import { toExternal } from "./quote.ts";
import { type AddressClass, type Resolved } from "./resolved.ts";
import {
  isPlain,
  lastOperator,
  operatorToken,
  type RewriteRules,
  rewriteTokens,
  withoutTrailingDot,
} from "./rewrite.ts";
import { type Steps } from "./steps.ts";
import { scanTokens, type Token, tokensToInternal } from "./tokens.ts";
import { lookupTransport, type Route } from "./transport.ts";
import { isIP } from "node:net";

/** The parameters of one resolver; `resolve` and `verify` differ in these (address_verify_*). */
interface ResolverSettings {
  readonly localTransport: string;
  readonly virtualTransport: string;
  readonly relayTransport: string;
  readonly defaultTransport: string;
  readonly relayhost: string;
  readonly transportMaps: MapList;
  readonly senderRelayhost: MapList;
  readonly senderTransport: MapList;
}

/** Turns addresses into routes. */
export interface Resolver {
  resolve(sender: string, address: string): Steps<Resolved>;
}

/** What one resolver shares with others of the same configuration. */
export interface ResolverContext {
  readonly deps: AddressDeps;
  readonly domains: DomainLists;
  readonly findRules: FindRules;
  readonly rewriteRules: RewriteRules;
  readonly relocatedMaps: MapList;
}

const BAD_SYNTAX = { kind: "syntax", code: "5.1.3", text: "bad address syntax" } as const;

/** What a sender wrote must not become the name of a program or host. */
const NO_SUBSTITUTION = { refuseSubstitution: true };

function settings(deps: AddressDeps, prefix: "" | "address_verify_"): ResolverSettings {
  const { config } = deps;
  return {
    localTransport: config.string(`${prefix}local_transport`),
    virtualTransport: config.string(`${prefix}virtual_transport`),
    relayTransport: config.string(`${prefix}relay_transport`),
    defaultTransport: config.string(`${prefix}default_transport`),
    relayhost: config.string(`${prefix}relayhost`),
    transportMaps: openMapList(deps, `${prefix}transport_maps`, NO_SUBSTITUTION),
    senderRelayhost: openMapList(deps, `${prefix}sender_dependent_relayhost_maps`, NO_SUBSTITUTION),
    senderTransport: openMapList(deps, `${prefix}sender_dependent_default_transport_maps`, NO_SUBSTITUTION),
  };
}

/** A resolver with the parameters as they are, or with those for address probes. */
export function createResolver(context: ResolverContext, prefix: "" | "address_verify_"): Resolver {
  const { deps, domains, findRules, rewriteRules, relocatedMaps } = context;
  const { config } = deps;
  const own = settings(deps, prefix);
  const dequoted = config.bool("resolve_dequoted_address");
  const nullDomain = config.bool("resolve_null_domain");
  const numericDomain = config.bool("resolve_numeric_domain");
  const allowMinus = config.bool("allow_min_user");
  const utf8 = config.bool("smtputf8_enable");
  const showTable = config.bool("show_user_unknown_table_name");
  const helpful = config.bool("helpful_warnings");
  const emptyRecipient = config.string("empty_address_recipient");
  const hostname = config.string("myhostname");
  const transportScope: FindScope = {
    domain: parentMatchesSubdomains(deps, "transport_maps") ? "parent" : "dotted",
  };
  const emptySenderKey = config.string("empty_address_relayhost_maps_lookup_key");
  const emptySenderTransportKey = config.string("empty_address_default_transport_maps_lookup_key");
  const warned = new Set<string>();

  const warnOnce = (text: string) => {
    if (warned.has(text) || warned.size > 1000) return;
    warned.add(text);
    deps.log?.warning(text);
  };

  /** Strips local domains and follows routing characters in what is left until a foreign domain or none is left. */
  function* strip(address: string): Steps<{ recipient: string; foreign: boolean }> {
    if (isPlain(address)) {
      const domain = address.slice(address.lastIndexOf("@") + 1);
      return { recipient: address, foreign: !(yield* domains.isLocal(domain)) };
    }
    let tokens = scanTokens(toExternal(address));
    let saved: Token[] | undefined;
    let limit = address.length + 100;
    while (true) {
      if (limit-- < 0) throw new RangeError(`too many rewriting steps for <${address}>`);
      if (lastOperator(tokens, "@") !== -1) tokens = withoutTrailingDot(tokens);
      if (nullDomain && tokens.at(-1)?.kind === "op" && tokens.at(-1)!.text === "@") {
        tokens = tokens.slice(0, -1);
      }
      const at = lastOperator(tokens, "@");
      if (at !== -1) {
        const domain = tokens.slice(at + 1);
        if (domain.length > 0 && !(yield* domains.isLocal(tokensToInternal(domain)))) {
          return { recipient: tokensToInternal(tokens), foreign: true };
        }
        saved = tokens.slice(at);
        tokens = tokens.slice(0, at);
      }
      if (
        lastOperator(tokens, "@") !== -1 ||
        (rewriteRules.swapBangpath && lastOperator(tokens, "!") !== -1) ||
        (rewriteRules.percentHack && lastOperator(tokens, "%") !== -1)
      ) {
        tokens = rewriteTokens(rewriteRules, tokens);
        continue;
      }
      const only = tokens.length === 1 ? tokens[0]! : undefined;
      const cracked = dequoted && only?.kind === "quoted" ? crackQuoted(only.text) : undefined;
      if (cracked !== undefined) {
        tokens = rewriteTokens(rewriteRules, cracked);
        continue;
      }
      if (only?.kind === "quoted" && only.text === "") tokens = [];
      if (tokens.length === 0) tokens = scanTokens(emptyRecipient);
      break;
    }
    if (saved !== undefined) return { recipient: tokensToInternal([...tokens, ...saved]), foreign: false };
    // No domain at all: this host, which need not be among the local domains.
    tokens = [...tokens, operatorToken("@"), ...scanTokens(hostname)];
    return { recipient: tokensToInternal(tokens), foreign: !(yield* domains.isLocal(hostname)) };
  }

  /** A quoted local part that hides a route (`"a@b"`) is opened, or it would pass relay checks in disguise. */
  function crackQuoted(text: string): Token[] | undefined {
    const at = text.lastIndexOf("@");
    if (at !== -1) return scanTokens(toExternal(text));
    const percent = rewriteRules.percentHack ? text.lastIndexOf("%") : -1;
    if (percent !== -1) return scanTokens(toExternal(`${text.slice(0, percent)}@${text.slice(percent + 1)}`));
    if (rewriteRules.swapBangpath && text.includes("!")) return scanTokens(text);
    return undefined;
  }

  function* localRoute(domain: string): Steps<Route & { addressClass: AddressClass }> {
    if (helpful && (yield* domains.virtualAlias.matches(domain))) {
      warnOnce(`do not list domain ${domain} in BOTH mydestination and virtual_alias_domains`);
    }
    if (helpful && (yield* domains.virtualMailbox.matches(domain))) {
      warnOnce(`do not list domain ${domain} in BOTH mydestination and virtual_mailbox_domains`);
    }
    return { ...split(own.localTransport, domain), addressClass: "local" };
  }

  function* foreignRoute(sender: string, domain: string): Steps<Route & { addressClass: AddressClass }> {
    if (yield* domains.virtualAlias.matches(domain)) {
      if (helpful && (yield* domains.virtualMailbox.matches(domain))) {
        warnOnce(`do not list domain ${domain} in BOTH virtual_alias_domains and virtual_mailbox_domains`);
      }
      if (helpful && (yield* domains.relay.matches(domain))) {
        warnOnce(`do not list domain ${domain} in BOTH virtual_alias_domains and relay_domains`);
      }
      const nexthop = `5.1.1 User unknown${showTable ? " in virtual alias table" : ""}`;
      return { transport: "error", nexthop, addressClass: "virtual alias" };
    }
    if (yield* domains.virtualMailbox.matches(domain)) {
      if (helpful && (yield* domains.relay.matches(domain))) {
        warnOnce(`do not list domain ${domain} in BOTH virtual_mailbox_domains and relay_domains`);
      }
      return { ...split(own.virtualTransport, domain), addressClass: "virtual mailbox" };
    }
    const nexthop = yield* relayNexthop(sender, domain);
    if (yield* domains.relay.matches(domain)) {
      return { ...split(own.relayTransport, nexthop), addressClass: "relay" };
    }
    const chosen = yield* bySender(own.senderTransport, sender || emptySenderTransportKey);
    return { ...split(chosen ?? own.defaultTransport, nexthop), addressClass: "default" };
  }

  function* relayNexthop(sender: string, domain: string): Steps<string> {
    const chosen = yield* bySender(own.senderRelayhost, sender || emptySenderKey);
    return chosen ?? (own.relayhost === "" ? domain : own.relayhost);
  }

  /** `DUNNO` ends the search without an answer. */
  function* bySender(maps: MapList, key: string): Steps<string | undefined> {
    if (maps.isEmpty) return undefined;
    const found = yield* findAddress(findRules, maps, key);
    return found === undefined || found.value.toUpperCase() === "DUNNO" ? undefined : found.value;
  }

  function* resolve(sender: string, address: string): Steps<Resolved> {
    const stripped = yield* strip(address);
    const { foreign } = stripped;
    let { recipient } = stripped;
    // Octets that are no UTF-8 are no address where UTF-8 is what addresses are made of (RFC 6532 section 3.1).
    if (utf8 && !recipient.isWellFormed()) return { ...unrouted(recipient), error: BAD_SYNTAX };
    let domain = recipient.slice(recipient.lastIndexOf("@") + 1);
    if (numericDomain && isIP(domain) === 4) {
      recipient = `${recipient.slice(0, recipient.length - domain.length)}[${domain}]`;
      domain = `[${domain}]`;
    }
    if (domain.startsWith("[") ? literalAddress(domain) === undefined : !isHostname(domain, utf8)) {
      return { ...unrouted(recipient), error: BAD_SYNTAX };
    }
    // Whatever the settings here: the next host might follow a route in the local part, for anybody.
    const firstOperator = recipient.search(/[@!%]/);
    const routed = recipient.slice(firstOperator + 1) === domain ? {} : { routed: true };
    const start = foreign ? yield* foreignRoute(sender, domain) : yield* localRoute(domain);
    if (start.transport === "") {
      deps.log?.warning("null transport is not allowed: check the *_transport parameters of main.cf");
      throw new RangeError("null transport");
    }
    let route: Route = start;
    // A virtual alias domain has no mailboxes that a transport could reach.
    if (!own.transportMaps.isEmpty && start.addressClass !== "virtual alias") {
      route = yield* lookupTransport(findRules, own.transportMaps, recipient, domain, start, transportScope);
    }
    if (!relocatedMaps.isEmpty) {
      const moved = yield* findAddress(findRules, relocatedMaps, recipient);
      if (moved !== undefined) {
        route = { transport: "error", nexthop: `5.1.6 User has moved to ${moved.value}` };
      }
    }
    const { transport, nexthop } = route;
    const resolved: Resolved = { transport, nexthop, recipient, addressClass: start.addressClass, ...routed };
    // An external command could take a leading minus sign for an option.
    return recipient.startsWith("-") && !allowMinus ? { ...resolved, error: BAD_SYNTAX } : resolved;
  }

  return { resolve };
}

/** `transport:nexthop` of a main.cf parameter; without a next hop the given one stays. */
function split(setting: string, nexthop: string): Route {
  const colon = setting.indexOf(":");
  if (colon === -1) return { transport: setting, nexthop };
  return { transport: setting.slice(0, colon), nexthop: setting.slice(colon + 1) || nexthop };
}

function unrouted(recipient: string): Resolved {
  return { transport: "", nexthop: "", recipient, addressClass: "default" };
}
