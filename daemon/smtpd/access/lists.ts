import type { Addressing } from "../../../core/address/mod.ts";
import { type Config, ConfigError } from "../../../core/config/mod.ts";
import { canonicalAddress } from "../../../core/dns/mod.ts";
import type { Logger } from "../../../core/log/mod.ts";
import type { CoarseTimer } from "../../../core/smtp/mod.ts";
import type { MaybePromise, TableSet } from "../../../core/table/mod.ts";
import { ProbeSender } from "../../verify/mod.ts";
import type { Hit } from "./actions.ts";
import type { Check, Outcome } from "./check.ts";
import { compileList, type RestrictionList } from "./compile.ts";
import type { PolicyClient } from "./policy_client.ts";
import { then } from "./restriction.ts";
import { restrictions } from "./restrictions.ts";
import { compileRewriteClients } from "./rewrite_clients.ts";
import { type AccessSettings, readAccessSettings } from "./settings.ts";
import { type ListWorld, walk } from "./walk.ts";

/** Restrictions of which relay control needs at least one. */
const RELAY_CONTROLS = [
  "reject_unauth_destination",
  "defer_unauth_destination",
  "reject",
  "defer",
  "defer_if_permit",
  "check_relay_domains",
];

/** Lists out of access tables that are kept compiled. */
const MOST_COMPILED_TEXTS = 1000;

/** The restriction lists of a service, compiled, and what they share. */
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
  readonly #world: ListWorld;

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
    this.#world = {
      parameterOf: (list) => this.#parameters.get(list),
      classOf: (name) => this.#classes.get(name) ?? [],
      logsPermits: !this.settings.loggedPermits.isEmpty,
    };
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
      this.#classes.set(name, this.#compile(value));
    }
    const list = (name: string) => {
      const steps = this.#compile(config.string(name));
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
    this.rewriteClients = compileRewriteClients(config.string("local_header_rewrite_clients"));
    this.#parameters.set(this.rewriteClients, "local_header_rewrite_clients");
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
  run(check: Check, list: RestrictionList): MaybePromise<Outcome> {
    return walk(this.#world, check, list);
  }

  /** Runs a list that an access table gave instead of an action. */
  runText(check: Check, text: string, hit: Hit): MaybePromise<Outcome> {
    let list = this.#compiledTexts.get(text);
    if (list === undefined) {
      list = this.#compile(text, hit);
      if (this.#compiledTexts.size > MOST_COMPILED_TEXTS) this.#compiledTexts.clear();
      this.#compiledTexts.set(text, list);
    }
    check.from = hit;
    const { name, nameClass } = check;
    check.name = hit.name;
    check.nameClass = hit.nameClass;
    return then(this.run(check, list), (outcome) => {
      check.name = name;
      check.nameClass = nameClass;
      return outcome;
    });
  }

  #compile(text: string, within?: Hit): RestrictionList {
    return compileList(text, (name) => this.#classes.has(name), within);
  }

  /** Does a list refuse anything to strangers at all? Without such a restriction the server would be an open relay. */
  #controlsRelaying(list: RestrictionList, seen = new Set([list])): boolean {
    return list.some((step, index) => {
      if (list[index - 1]?.kind === "warn") return false;
      if (step.kind === "class") {
        const inner = this.#world.classOf(step.name);
        // A class that names itself is an error only for the mail that gets there.
        return !seen.has(inner) && this.#controlsRelaying(inner, seen.add(inner));
      }
      return step.kind === "run" &&
        RELAY_CONTROLS.some((name) => restrictions.get(name) === step.restriction);
    });
  }
}

/** The form in which equal addresses are equal strings. */
function canonicalClient(address: string): string {
  return canonicalAddress(address) ?? address;
}

/** The addresses of a host in the form that `AccessLists` wants. */
export function canonicalAddresses(addresses: Iterable<string>): ReadonlySet<string> {
  return new Set([...addresses].map(canonicalClient));
}
