import { type Config, ConfigError, splitList, unbrace } from "../../../core/config/mod.ts";
import { canonicalAddress } from "../../../core/dns/mod.ts";
import type { Logger } from "../../../core/log/mod.ts";
import type { CoarseTimer } from "../../../core/smtp/mod.ts";
import { type MaybePromise, parseSpec, TableError } from "../../../core/table/mod.ts";
import type { Hit } from "./actions.ts";
import { basicRestrictions } from "./basic.ts";
import type { Check, Outcome } from "./check.ts";
import { destinationRestrictions } from "./destinations.ts";
import { dnsblRestrictions } from "./dnsbl.ts";
import { hostRestrictions } from "./hosts.ts";
import { mapRestrictions } from "./maps.ts";
import { saslRestrictions } from "./sasl.ts";
import { policyRestrictions } from "./policy.ts";
import type { PolicyClient } from "./policy_client.ts";
import type { Restriction } from "./restriction.ts";
import { serverRestrictions } from "./servers.ts";

/** All restrictions by name, as postconf(5) lists them. */
const restrictions = new Map<string, Restriction>(Object.entries({
  ...basicRestrictions,
  ...hostRestrictions,
  ...destinationRestrictions,
  ...mapRestrictions,
  ...saslRestrictions,
  ...policyRestrictions,
  ...dnsblRestrictions,
  ...serverRestrictions,
}));

/** The names of all restrictions, for advice about a name that is none of them. */
export const restrictionNames: readonly string[] = [...restrictions.keys(), "warn_if_reject"];

/** One step of a compiled list. */
type Step =
  | {
    readonly kind: "run";
    readonly name: string;
    readonly restriction: Restriction;
    readonly argument: string;
  }
  | { readonly kind: "class"; readonly name: string }
  | { readonly kind: "warn" }
  /** Something that can't be done; refuses mail as temporary failure when it is reached. */
  | { readonly kind: "broken"; readonly problems: readonly string[] };

export type RestrictionList = readonly Step[];

const MOST_DEPTH = 100;

/** Restrictions of which relay control needs at least one. */
const RELAY_CONTROLS = [
  "reject_unauth_destination",
  "defer_unauth_destination",
  "reject",
  "defer",
  "defer_if_permit",
  "check_relay_domains",
];

/** The table type that a list entry without a check_..._access in front belongs to, by parameter. */
const DEFAULT_MAP_CHECK: Readonly<Record<string, string>> = {
  smtpd_client_restrictions: "check_client_access",
  smtpd_helo_restrictions: "check_helo_access",
  smtpd_sender_restrictions: "check_sender_access",
  smtpd_relay_restrictions: "check_recipient_access",
  smtpd_recipient_restrictions: "check_recipient_access",
  smtpd_etrn_restrictions: "check_etrn_access",
};

/** The restriction lists of a service, compiled, and what runs them. */
export class AccessLists {
  readonly client: RestrictionList;
  readonly helo: RestrictionList;
  readonly sender: RestrictionList;
  readonly relay: RestrictionList;
  readonly recipient: RestrictionList;
  readonly data: RestrictionList;
  readonly endOfData: RestrictionList;
  readonly etrn: RestrictionList;
  readonly rewriteClients: RestrictionList;
  /** Connections to policy services, by the argument of check_policy_service. */
  readonly policyClients = new Map<string, PolicyClient>();
  readonly #classes = new Map<string, RestrictionList>();
  readonly #compiledTexts = new Map<string, RestrictionList>();
  readonly #warned = new Set<string>();
  readonly #parameters = new Map<RestrictionList, string>();

  /**
   * Throws `ConfigError` for a restriction class without a definition; a name that is no restriction shows when a
   * client gets that far, as with Postfix.
   */
  constructor(
    config: Config,
    /** Addresses of this host, canonical. */
    private readonly ownAddresses: ReadonlySet<string>,
    private readonly log: Logger,
    readonly timer: CoarseTimer,
  ) {
    const classes = config.list("smtpd_restriction_classes");
    for (const name of classes) this.#classes.set(name, []);
    for (const name of classes) {
      const value = config.raw(name) === undefined ? "" : config.string(name);
      if (value.trim() === "") {
        throw new ConfigError(
          `restriction class \`${name}' needs a definition`,
          config.origin("smtpd_restriction_classes"),
        );
      }
      this.#classes.set(name, this.#compile(splitList(value), undefined, true));
    }
    const list = (name: string) => {
      const steps = this.#compile(config.list(name), DEFAULT_MAP_CHECK[name], true);
      this.#parameters.set(steps, name);
      return steps;
    };
    this.client = list("smtpd_client_restrictions");
    this.helo = list("smtpd_helo_restrictions");
    this.sender = list("smtpd_sender_restrictions");
    this.relay = list("smtpd_relay_restrictions");
    this.recipient = list("smtpd_recipient_restrictions");
    this.data = list("smtpd_data_restrictions");
    this.endOfData = list("smtpd_end_of_data_restrictions");
    this.etrn = list("smtpd_etrn_restrictions");
    this.rewriteClients = list("local_header_rewrite_clients");
    if (!this.#controlsRelaying(this.relay) && !this.#controlsRelaying(this.recipient)) {
      throw new ConfigError(
        "in parameter smtpd_relay_restrictions or smtpd_recipient_restrictions, specify at least one working " +
          `instance of: ${RELAY_CONTROLS.join(", ")}`,
        config.origin("smtpd_relay_restrictions") ?? config.origin("smtpd_recipient_restrictions"),
      );
    }
  }

  /** Is this an address of this host? */
  isOwnAddress(address: string): boolean {
    return this.ownAddresses.has(canonicalClient(address));
  }

  /** Says something once in the life of a snapshot. */
  warnOnce(text: string): void {
    if (this.#warned.has(text)) return;
    this.#warned.add(text);
    this.log.warning(text);
  }

  /** Does a list refuse anything to strangers at all? Without such a restriction the server would be an open relay. */
  #controlsRelaying(list: RestrictionList): boolean {
    return list.some((step, index) => {
      if (list[index - 1]?.kind === "warn") return false;
      if (step.kind === "class") return this.#controlsRelaying(this.#classes.get(step.name) ?? []);
      return step.kind === "run" &&
        RELAY_CONTROLS.some((name) => restrictions.get(name) === step.restriction);
    });
  }

  /** Closes connections that are kept open. */
  close(): void {
    for (const client of this.policyClients.values()) client.close();
  }

  /** What is wrong with the lists of a parameter or restriction class, before any client gets that far. */
  problems(): { readonly parameter: string; readonly problem: string }[] {
    const lists = [...[...this.#parameters].map(([list, name]) => [name, list] as const), ...this.#classes];
    return lists.flatMap(([parameter, list]) =>
      list.flatMap((step) =>
        step.kind === "broken" ? step.problems.map((problem) => ({ parameter, problem })) : []
      )
    );
  }

  /** Works through a list until a restriction decides. */
  async run(check: Check, list: RestrictionList): Promise<Outcome> {
    check.depth += 1;
    if (check.depth > MOST_DEPTH) {
      check.session.warn("SMTPD access map or restriction class recursion: more than 100 levels");
      return check.misconfigured();
    }
    const { trace } = check.session;
    trace?.enter(this.#parameters.get(list));
    for (const step of list) {
      if (step.kind === "warn") {
        check.warnOnly = true;
        continue;
      }
      const answer = trace?.before(describe(step), check) ?? this.#step(check, step);
      const outcome = answer instanceof Promise ? await answer : answer;
      trace?.after(describe(step), outcome, check);
      check.warnOnly = false;
      if (outcome !== "dunno") return outcome;
    }
    check.depth -= 1;
    return "dunno";
  }

  /** Runs a list that an access table gave instead of an action. */
  runText(check: Check, text: string, hit: Hit): MaybePromise<Outcome> {
    let list = this.#compiledTexts.get(text);
    if (list === undefined) {
      list = this.#compile(splitList(text), undefined, false, hit);
      if (this.#compiledTexts.size > 1000) this.#compiledTexts.clear();
      this.#compiledTexts.set(text, list);
    }
    return this.run(check, list);
  }

  #step(check: Check, step: Exclude<Step, { kind: "warn" }>): MaybePromise<Outcome> {
    switch (step.kind) {
      case "run":
        return step.restriction.run(check, step.argument);
      case "class":
        return this.run(check, this.#classes.get(step.name) ?? []);
      case "broken":
        for (const problem of step.problems) check.session.warn(problem);
        return check.misconfigured();
    }
  }

  #compile(
    words: readonly string[],
    mapCheck: string | undefined,
    tablesAllowed: boolean,
    hit?: Hit,
  ): RestrictionList {
    const steps: Step[] = [];
    for (let at = 0; at < words.length; at++) {
      const word = bare(words[at]!);
      const name = word.toLowerCase();
      if (name === "warn_if_reject") {
        steps.push({ kind: "warn" });
        continue;
      }
      const restriction = restrictions.get(name);
      if (restriction !== undefined && restriction.argument === "none") {
        steps.push({ kind: "run", name, restriction, argument: "" });
        continue;
      }
      if (restriction !== undefined) {
        const argument = words[at + 1] === undefined ? undefined : bare(words[at + 1]!);
        steps.push(this.#withArgument(name, restriction, argument, tablesAllowed, hit));
        at += 1;
      } else if (this.#classes.has(word)) {
        steps.push({ kind: "class", name: word });
      } else if (isTable(word)) {
        steps.push(this.#bareTable(word, mapCheck, tablesAllowed, hit));
      } else if (/^check_\w+_access$/.test(name) && !tablesAllowed) {
        steps.push(insideTable(words.slice(at).join(" "), hit));
        at += 1;
      } else {
        steps.push({ kind: "broken", problems: [`unknown smtpd restriction: "${word}"`] });
      }
    }
    return steps;
  }

  #withArgument(
    name: string,
    restriction: Restriction,
    argument: string | undefined,
    tablesAllowed: boolean,
    hit: Hit | undefined,
  ): Step {
    if (restriction.argument === "table" || restriction.argument === "service") {
      if (argument === undefined || !isTable(argument)) {
        const given = argument ?? name;
        return {
          kind: "broken",
          problems: [`restriction ${name}: bad argument "${given}": need maptype:mapname`],
        };
      }
      if (!tablesAllowed) return insideTable(`${name} ${argument}`, hit);
    } else if (argument === undefined) {
      return { kind: "broken", problems: [`restriction ${name} needs an argument`] };
    }
    return { kind: "run", name, restriction, argument: argument ?? "" };
  }

  #bareTable(word: string, mapCheck: string | undefined, tablesAllowed: boolean, hit: Hit | undefined): Step {
    const restriction = mapCheck === undefined ? undefined : restrictions.get(mapCheck);
    if (!tablesAllowed) return insideTable(word, hit);
    if (restriction === undefined) {
      return { kind: "broken", problems: [`specify a restriction in front of the table "${word}"`] };
    }
    return { kind: "run", name: mapCheck!, restriction, argument: word };
  }
}

/** A step as it stands in main.cf. */
function describe(step: Exclude<Step, { kind: "warn" }>): string {
  if (step.kind === "broken") return step.problems[0] ?? "";
  return step.kind === "run" && step.argument !== "" ? `${step.name} ${step.argument}` : step.name;
}

/** `{ word }` is the same as `word`. */
function bare(word: string): string {
  const inner = unbrace(word);
  return inner !== undefined && "text" in inner ? inner.text.trim() : word;
}

function isTable(word: string): boolean {
  try {
    parseSpec(word);
    return word.includes(":");
  } catch (error) {
    if (error instanceof TableError) return false;
    throw error;
  }
}

function insideTable(text: string, hit: Hit | undefined): Step {
  return {
    kind: "broken",
    problems: [
      `access table ${hit?.table ?? ""} has entry with lookup table: ${text}`,
      "do not specify lookup tables inside SMTPD access maps",
      "define a restriction class and specify its name instead.",
    ],
  };
}

/** The form in which equal addresses are equal strings. */
function canonicalClient(address: string): string {
  return canonicalAddress(address) ?? address;
}

/** The addresses of a host in the form that `AccessLists` wants. */
export function canonicalAddresses(addresses: Iterable<string>): ReadonlySet<string> {
  return new Set([...addresses].map(canonicalClient));
}
