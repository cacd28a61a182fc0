/**
 * `works`: as with Postfix. `differs`: works in another way. `no effect`: accepted and ignored. `missing`: what it asks
 * for is not there. `broken`: wrong with Postfix too.
 */
export type State = "works" | "differs" | "no effect" | "missing" | "broken";

/** One thing that the report says. */
export interface Note {
  readonly kind: "service" | "parameter" | "table" | "restriction" | "configuration";
  /** `smtp/inet`, `smtpd_milters`, `hash`, ... */
  readonly name: string;
  readonly state: State;
  readonly text: string;
  readonly remedy?: string;
  /** Where it stands. */
  readonly file?: string;
  readonly line?: number;
}

/** The compatibility report. */
export interface Report {
  readonly directory: string;
  /** `ready`: nothing is missing; `with losses`: it runs, and something asked for isn't there; `blocked`: it won't start. */
  readonly verdict: "ready" | "with losses" | "blocked";
  readonly services: number;
  readonly parameters: number;
  readonly tables: readonly string[];
  /** Only what is not simply `works`. */
  readonly notes: readonly Note[];
}
