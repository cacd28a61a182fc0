/** What is known of an address, by the numbers of Postfix's protocol. */
export const AddressStatus = { Deliverable: 0, Deferred: 1, Undeliverable: 2, InProgress: 3 } as const;

export type AddressStatus = typeof AddressStatus[keyof typeof AddressStatus];

/** An answer about an address. */
export interface AddressAnswer {
  readonly status: AddressStatus;
  /** What the probe found, for people. */
  readonly text: string;
}

/** verify(8) as its clients see it. Both methods reject when the service can't be reached. */
export interface AddressVerification {
  /** What is known of an address (internal form); a probe is sent if that is too little or too old. */
  query(address: string): Promise<AddressAnswer>;
  /** A probe has come to an end. */
  update(address: string, answer: AddressAnswer): Promise<void>;
}
