/** What the parts of saslauthd share. */

/** A login as a client asked about it. */
export interface Login {
  readonly login: string;
  /** Octets as they came. */
  readonly password: Uint8Array;
  readonly service: string;
  readonly realm: string;
}

/** Resolves to `OK` or `NO`, with a reason behind a blank, which is for the log. Rejects when it can't say. */
export type Mechanism = (login: Login) => Promise<string>;

/** The mechanism or its options can't be used; the message says why. */
export class MechanismError extends Error {
  override readonly name = "MechanismError";
}
