import type { ExtensionRules } from "../../core/address/mod.ts";
import { type Config, ConfigError } from "../../core/config/types.ts";
import type { Feedback } from "./concurrency.ts";

/** What main.cf says about the queue manager as a whole. Times in seconds. */
export interface QmgrSettings {
  readonly activeLimit: number;
  readonly recipientLimit: number;
  readonly recipientMinimum: number;
  readonly minimalBackoff: number;
  readonly maximalBackoff: number;
  readonly runDelay: number;
  readonly maximalLifetime: number;
  readonly bounceLifetime: number;
  readonly transportRetry: number;
  readonly clogWarning: number;
  readonly deferTransports: ReadonlySet<string>;
  readonly doubleBounceSender: string;
  readonly filterNexthop: string;
  readonly hostname: string;
  readonly extensions: ExtensionRules;
  readonly confirmDelayCleared: boolean;
  readonly pendingProbes: number;
  readonly verpBounceOff: boolean;
}

/** Throws `ConfigError`. */
export function qmgrSettings(config: Config): QmgrSettings {
  return {
    activeLimit: config.int("qmgr_message_active_limit"),
    recipientLimit: config.int("qmgr_message_recipient_limit"),
    recipientMinimum: config.int("qmgr_message_recipient_minimum"),
    minimalBackoff: config.seconds("minimal_backoff_time"),
    maximalBackoff: config.seconds("maximal_backoff_time"),
    runDelay: config.seconds("queue_run_delay"),
    maximalLifetime: config.seconds("maximal_queue_lifetime"),
    // Notices are not kept for longer than other mail.
    bounceLifetime: Math.min(
      config.seconds("bounce_queue_lifetime"),
      config.seconds("maximal_queue_lifetime"),
    ),
    transportRetry: config.seconds("transport_retry_time"),
    clogWarning: config.seconds("qmgr_clog_warn_time"),
    deferTransports: new Set(config.list("defer_transports")),
    doubleBounceSender: config.string("double_bounce_sender"),
    filterNexthop: config.string("default_filter_nexthop"),
    hostname: config.string("myhostname"),
    extensions: {
      delimiters: config.string("recipient_delimiter"),
      ownerRequestSpecial: config.bool("owner_request_special"),
      doubleBounceSender: config.string("double_bounce_sender"),
    },
    confirmDelayCleared: config.bool("confirm_delay_cleared"),
    pendingProbes: config.int("address_verify_pending_request_limit"),
    verpBounceOff: config.bool("disable_verp_bounces"),
  };
}

const INEFFECTIVE =
  /_delivery_slot_(discount|loan)$|_minimum_delivery_slots$|_recipient_refill_(limit|delay)$|_extra_recipient_limit$|^default_recipient_limit$|^qmgr_(fudge_factor|ipc_timeout|daemon_timeout)$|^destination_concurrency_feedback_debug$/;

/** Parameters set in main.cf that Postfix's scheduler has and this one has no use for (docs/queue-manager.md). */
export function ineffectiveParameters(config: Config): string[] {
  return config.names().filter((name) => INEFFECTIVE.test(name));
}

/** What main.cf says about one transport: `NAME_destination_concurrency_limit` and so on. */
export interface TransportSettings {
  /** Deliveries to one destination at a time; 0: any number. */
  readonly concurrencyLimit: number;
  readonly initialConcurrency: number;
  /** Recipients of one delivery; 0: any number. */
  readonly recipientLimit: number;
  /** After this many failed cohorts a destination is dead; 0: never. */
  readonly failedCohortLimit: number;
  readonly positiveFeedback: Feedback;
  readonly negativeFeedback: Feedback;
  /** Seconds between deliveries to one destination, and through the transport as a whole. */
  readonly destinationDelay: number;
  readonly transportDelay: number;
  /** False: strictly first come, first served (`_delivery_slot_cost = 0`). */
  readonly preemptive: boolean;
}

/** The settings of one transport, by its name in master.cf. Throws `ConfigError`. */
export function transportSettings(config: Config, transport: string): TransportSettings {
  const int = (suffix: string) => config.int(transport + suffix);
  const destinationDelay = config.seconds(`${transport}_destination_rate_delay`);
  // A delay between deliveries makes no sense with several at a time (postconf(5)).
  const paced = destinationDelay > 0;
  return {
    concurrencyLimit: paced ? 1 : int("_destination_concurrency_limit"),
    initialConcurrency: paced ? 1 : int("_initial_destination_concurrency"),
    recipientLimit: int("_destination_recipient_limit"),
    failedCohortLimit: int("_destination_concurrency_failed_cohort_limit"),
    positiveFeedback: feedback(config, `${transport}_destination_concurrency_positive_feedback`),
    negativeFeedback: feedback(config, `${transport}_destination_concurrency_negative_feedback`),
    destinationDelay,
    transportDelay: config.seconds(`${transport}_transport_rate_delay`),
    preemptive: int("_delivery_slot_cost") > 0,
  };
}

/** `1`, `0.5`, `1/8`, `1/concurrency`, `1/sqrt_concurrency` (SCHEDULER_README). */
function feedback(config: Config, name: string): Feedback {
  const text = config.string(name);
  const [, numerator = "", divisor = ""] = /^([0-9.]+)(?:\s*\/\s*(\S+))?$/.exec(text) ?? [];
  const amount = Number(numerator);
  const by = divisor === "concurrency" ? "window" : divisor === "sqrt_concurrency" ? "root" : undefined;
  const fixed = by !== undefined ? amount : divisor === "" ? amount : amount / Number(divisor);
  if (numerator === "" || !(fixed >= 0 && fixed <= 1)) {
    throw new ConfigError(
      `invalid value ${name} = ${text}: specify a number from 0 to 1, or 1/number, 1/concurrency, 1/sqrt_concurrency`,
      config.origin(name),
    );
  }
  return { amount: fixed, by: by ?? "nothing" };
}
