/** What an explanation consists of. The JSON form of `postel explain` is this, as it is. */

/** A place in the configuration that had a part in a decision. */
export interface Place {
  readonly file: string;
  /** Counted from 1. */
  readonly line?: number;
}

/** Why something is as it is. */
export interface Cause {
  /** A parameter of main.cf. */
  readonly parameter?: string;
  /** Its value, expanded. */
  readonly value?: string;
  /** True if nobody set it. */
  readonly isDefault?: boolean;
  /** A table that answered, the key it was asked for and what it said. */
  readonly table?: string;
  readonly key?: string;
  readonly entry?: string;
  readonly place?: Place;
}

/** One step of a message's way. */
export interface Step {
  readonly stage:
    | "rewrite"
    | "access"
    | "action"
    | "canonical"
    | "alias"
    | "bcc"
    | "class"
    | "route"
    | "delivery";
  /** What was asked: `smtpd_relay_restrictions: permit_mynetworks`, `canonical address`. */
  readonly what: string;
  /** The answer: `no decision`, `permit`, an address ... */
  readonly result: string;
  /** The rule that ended its list, or a change that was made. */
  readonly decides: boolean;
  readonly causes: readonly Cause[];
}

/** Where the message goes for one of the addresses that a recipient stands for. */
export interface Destination {
  readonly address: string;
  /** `local`, `virtual alias`, `virtual mailbox`, `relay` or `default`; empty if a content filter comes first. */
  readonly addressClass: string;
  readonly transport: string;
  readonly nexthop: string;
  /** Undeliverable from the start: status code and text. */
  readonly error?: string;
  readonly steps: readonly Step[];
}

/** A message's way through the configuration, for one recipient. */
export interface Explanation {
  readonly recipient: string;
  readonly sender: string;
  readonly client: { readonly address: string; readonly name: string };
  readonly helo: string | null;
  /** The master.cf service that the session was imagined with. */
  readonly service: string;
  readonly accepted: boolean;
  /** The command and the reply that it would get; absent if the recipient is accepted. */
  readonly refusal?: { readonly command: string; readonly reply: string };
  readonly steps: readonly Step[];
  readonly destinations: readonly Destination[];
  /** What the log of the mail system would have said on the way. */
  readonly warnings: readonly string[];
  /** What was left out because it would have changed something or asked somebody. */
  readonly notes: readonly string[];
}
