/** One delivery attempt, for the greylist. */
export interface GreylistQuestion {
  readonly clientAddress: string;
  /** Verified name, or `unknown`. */
  readonly clientName: string;
  /** Internal forms. */
  readonly sender: string;
  readonly recipient: string;
  /** Tells the attempts for several recipients of one message together. */
  readonly instance: string;
}

/** What the greylist says: an action of access(5) in the form that policy services use. */
export interface GreylistAnswer {
  /** `DUNNO`, `PREPEND X-Greylist: ...`, `DEFER_IF_PERMIT Greylisted, ...`. */
  readonly action: string;
}

/** The greylist as smtpd sees it. Rejects when it can't be asked. */
export interface Greylist {
  ask(question: GreylistQuestion): Promise<GreylistAnswer>;
}
