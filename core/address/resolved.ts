/** Which of the five address classes a recipient belongs to (ADDRESS_CLASS_README). */
export type AddressClass = "local" | "virtual alias" | "virtual mailbox" | "relay" | "default";

/** What resolving an address gives. */
export interface Resolved {
  /** A service of master.cf; empty with `error`. */
  readonly transport: string;
  readonly nexthop: string;
  /** Internal form, with a domain. */
  readonly recipient: string;
  readonly addressClass: AddressClass;
  /** A remote domain behind a local part with routing characters: `a%b@remote`, `@a:b@remote`. */
  readonly routed?: boolean;
  readonly error?: {
    /** `syntax`: it will never work; `temporary`: a table could not answer. */
    readonly kind: "syntax" | "temporary";
    /** Enhanced status code. */
    readonly code: string;
    readonly text: string;
  };
}

/** The transports whose next hop is a text for the sender. */
export function isErrorTransport(transport: string): boolean {
  return transport === "error" || transport === "retry";
}
