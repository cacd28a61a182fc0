import type { Addressing } from "../../../core/address/mod.ts";
import { type Config, ConfigError, splitList, unbrace } from "../../../core/config/mod.ts";
import { canonicalAddress } from "../../../core/dns/mod.ts";
import type { Logger } from "../../../core/log/mod.ts";
import type { CoarseTimer } from "../../../core/smtp/mod.ts";
import { type MaybePromise, parseSpec, TableError, type TableSet } from "../../../core/table/mod.ts";
import { ProbeSender } from "../../verify/mod.ts";
import type { Hit } from "./actions.ts";
import { basicRestrictions } from "./basic.ts";
import type { Check, Outcome } from "./check.ts";
import { destinationRestrictions } from "./destinations.ts";
import { dnsblRestrictions } from "./dnsbl.ts";
import { greylistRestrictions } from "./greylist.ts";
import { hostRestrictions } from "./hosts.ts";
import { mapRestrictions } from "./maps.ts";
import { mxBackupRestrictions } from "./mx_backup.ts";
import { saslRestrictions } from "./sasl.ts";
import { logPermit } from "./permit_log.ts";
import { policyRestrictions } from "./policy.ts";
import type { PolicyClient } from "./policy_client.ts";
import type { Restriction } from "./restriction.ts";
import { unverifiedRestrictions } from "./unverified.ts";
import { serverRestrictions } from "./servers.ts";
import { type AccessSettings, readAccessSettings } from "./settings.ts";

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
  ...mxBackupRestrictions,
  ...unverifiedRestrictions,
  ...greylistRestrictions,
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
  | { readonly kind: "table"; readonly name: string }
  | { readonly kind: "warn" }
  /** Something that can't be done; refuses mail as temporary failure when it is reached. */
  | { readonly kind: "broken"; readonly problems: readonly string[] }
  /** Something that can't be done and decides nothing. */
  | { readonly kind: "note"; readonly problems: readonly string[] };

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

/** What a table without a check_..._access in front of it is asked, by stage. */
const DEFAULT_MAP_CHECK: Readonly<Record<string, string>> = {
  client: "check_client_access",
  helo: "check_helo_access",
  sender: "check_sender_access",
  recipient: "check_recipient_access",
  etrn: "check_etrn_access",
  rewrite: "check_client_access",
};

/** Restrictions behind which nothing in a list is reached. */
const FINAL = new Set(["permit", "reject", "defer", "check_relay_domains"]);

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
  readonly settings: AccessSettings;
  /** Connections to policy services, by the argument of check_policy_service. */
  readonly policyClients = new Map<string, PolicyClient>();
  #probeSender: ProbeSender | undefined;
  readonly #classes = new Map<string, RestrictionList>();
  readonly #compiledTexts = new Map<string, RestrictionList>();
  readonly #warned = new Set<string>();
  readonly #parameters = new Map<RestrictionList, string>();

  /**
   * Throws `ConfigError` for a restriction class without a definition; a name that is no restriction shows when a
   * client gets that far, as with Postfix.
   */
  constructor(
    private readonly config: Config,
    tables: TableSet,
    /** Addresses of this host, canonical. */
    private readonly ownAddresses: ReadonlySet<string>,
    private readonly log: Logger,
    readonly timer: CoarseTimer,
  ) {
    this.settings = readAccessSettings(config, tables);
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
      this.#classes.set(name, this.#compile(splitList(value), true));
    }
    const list = (name: string) => {
      const steps = this.#compile(config.list(name), true);
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

  /** Is mail to an address the answer to a probe of ours? Such mail passes all checks, or probes would probe each other. */
  isProbeSender(address: string, addressing: Addressing): boolean {
    this.#probeSender ??= new ProbeSender(
      this.config,
      (text) => addressing.rewriteInternal("local", text),
    );
    return this.#probeSender.accepts(address);
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
        step.kind === "broken" || step.kind === "note"
          ? step.problems.map((problem) => ({ parameter, problem }))
          : []
      )
    );
  }

  /** Works through a list until a restriction decides. */
  async run(check: Check, list: RestrictionList): Promise<Outcome> {
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
    const { trace } = check.session;
    trace?.enter(this.#parameters.get(list));
    for (const [index, step] of list.entries()) {
      if (step.kind === "warn") {
        check.warnOnly = true;
        continue;
      }
      const answer = trace?.before(describe(step), check) ?? this.#step(check, step);
      const outcome = answer instanceof Promise ? await answer : answer;
      const permits = outcome === "ok" && step.kind === "run" && check.stage !== "rewrite";
      if (permits && !this.settings.loggedPermits.isEmpty) {
        await logPermit(check, step.name);
      }
      trace?.after(describe(step), outcome, check);
      if (step.kind === "run" && FINAL.has(step.name) && !check.warnOnly) {
        warnAbout(check, step, list[index + 1]);
      }
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
      list = this.#compile(splitList(text), false, hit);
      if (this.#compiledTexts.size > 1000) this.#compiledTexts.clear();
      this.#compiledTexts.set(text, list);
    }
    check.from = hit;
    return this.run(check, list);
  }

  #step(check: Check, step: Exclude<Step, { kind: "warn" }>): MaybePromise<Outcome> {
    switch (step.kind) {
      case "run":
        return step.restriction.run(check, step.argument);
      case "table":
        return this.#bareTable(check, step.name);
      case "class":
        return this.run(check, this.#classes.get(step.name) ?? []);
      case "note":
        for (const problem of step.problems) check.session.warn(problem);
        return "dunno";
      case "broken":
        for (const problem of step.problems) check.session.warn(problem);
        return check.misconfigured();
    }
  }

  #compile(
    words: readonly string[],
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
        const given = words[at + 1];
        // The braces of a policy service are a part of its name in the log.
        const argument = given === undefined || restriction.argument === "service" ? given : bare(given);
        steps.push(this.#withArgument(name, restriction, argument, tablesAllowed, hit));
        at += 1;
      } else if (this.#classes.has(word)) {
        steps.push({ kind: "class", name: word });
      } else if (isTable(word)) {
        steps.push(tablesAllowed ? { kind: "table", name: word } : insideTable(word, hit));
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
    if (restriction.argument === "service") {
      if (argument === undefined || !namesService(argument)) {
        return { kind: "broken", problems: [`restriction ${name} must be followed by transport:server`] };
      }
      if (!tablesAllowed) return insideTable(`${name} ${argument}`, hit);
      return { kind: "run", name, restriction, argument };
    }
    if (restriction.argument === "table") {
      if (argument === undefined || !isTable(argument)) {
        const given = argument ?? name;
        return {
          kind: "broken",
          problems: [`restriction ${name}: bad argument "${given}": need maptype:mapname`],
        };
      }
      if (!tablesAllowed) return insideTable(`${name} ${argument}`, hit);
    } else if (restriction.argument === "domain" && argument === undefined) {
      // A list without a name decides nothing, as with Postfix.
      return { kind: "note", problems: [`restriction ${name} requires domain name argument`] };
    } else if (argument === undefined) {
      return { kind: "broken", problems: [`restriction ${name} must be followed by number`] };
    }
    return { kind: "run", name, restriction, argument: argument ?? "" };
  }

  /** What a table without a restriction in front of it is asked depends on what is being checked. */
  #bareTable(check: Check, word: string): MaybePromise<Outcome> {
    const restriction = restrictions.get(DEFAULT_MAP_CHECK[check.stage] ?? "");
    if (restriction !== undefined) return restriction.run(check, word);
    check.session.warn(`specify a restriction in front of the table "${word}"`);
    return check.misconfigured();
  }
}

/** Tells of a restriction that is never reached. */
function warnAbout(check: Check, step: Step & { kind: "run" }, next: Step | undefined): void {
  if (next === undefined) return;
  const name = next.kind === "warn" ? "warn_if_reject" : describe(next).split(" ", 1)[0];
  check.session.warn(`restriction \`${name}' after \`${step.name}' is ignored`);
}

/** A step as it stands in main.cf. */
function describe(step: Exclude<Step, { kind: "warn" }>): string {
  if (step.kind === "broken" || step.kind === "note") return step.problems[0] ?? "";
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

/** `unix:private/policy`, or a list in braces that begins with one. */
function namesService(word: string): boolean {
  return /^(\{\s*)?(inet|unix):./.test(word.trim());
}

/** The form in which equal addresses are equal strings. */
function canonicalClient(address: string): string {
  return canonicalAddress(address) ?? address;
}

/** The addresses of a host in the form that `AccessLists` wants. */
export function canonicalAddresses(addresses: Iterable<string>): ReadonlySet<string> {
  return new Set([...addresses].map(canonicalClient));
}
