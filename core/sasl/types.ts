/** What the rest of the program knows of SASL (RFC 4422). */
import type { MaybePromise } from "../table/types.ts";

/** The properties that `smtpd_sasl_security_options` asks of a mechanism. */
export type SecurityOption =
  | "noplaintext"
  | "noactive"
  | "nodictionary"
  | "noanonymous"
  | "forward_secrecy"
  | "mutual_auth";

/** How a server's dialogue ended. `reason` is for the log and the client, never with a secret in it. */
export type SaslOutcome =
  | { readonly kind: "done"; readonly user: string }
  | {
    readonly kind: "failed";
    readonly reason: string;
    /** The back end could not answer: the client may try again. */
    readonly temporary?: boolean;
    /** More for the log, in the words of the Cyrus library, a line each. */
    readonly detail?: readonly string[];
    /** Who tried, as far as that is known. */
    readonly user?: string;
  };

/**
 * The server's side of one exchange: yields challenges, is sent responses, returns the outcome. Calling `return()` on
 * it aborts the exchange.
 */
export type ServerDialogue = AsyncGenerator<Uint8Array, SaslOutcome, Uint8Array>;

/** What a server knows of the connection over which a client authenticates. */
export interface SaslPeer {
  readonly clientAddress: string;
  readonly clientPort: string;
  readonly serverAddress: string;
  readonly serverPort: string;
  readonly tls: boolean;
  /** The name in the client's trusted certificate, for EXTERNAL. */
  readonly certificateName?: string | undefined;
}

/** A back end that authenticates clients. */
export interface SaslServer {
  /** The mechanisms with all these properties, in the order in which they are offered. Rejects with `SaslError`. */
  mechanisms(options: ReadonlySet<SecurityOption>, peer: SaslPeer): MaybePromise<readonly string[]>;
  /**
   * Begins an exchange.
   * @param mechanism one of those that were offered, in upper case
   * @param initial the client's initial response, decoded; undefined if it gave none (an empty one is not none)
   */
  begin(mechanism: string, initial: Uint8Array | undefined, peer: SaslPeer): ServerDialogue;
  /** What becomes of a client that wants another mechanism. @param shown its name as the log may have it */
  unknownMechanism(shown: string): SaslOutcome & { readonly kind: "failed" };
  close(): void;
}

/** The back end or its configuration can't be used; the message says which and why. */
export class SaslError extends Error {
  override readonly name = "SaslError";
}

/** Where clear-text passwords are kept (the auxprop plugins of Cyrus SASL). */
export interface PasswordStore {
  /** The password, or undefined for an unknown user. Rejects with `SaslError` when it can't answer. */
  password(user: string, realm: string): MaybePromise<Uint8Array | undefined>;
}

/** Who can say whether a password is right. `true` or `false`; rejects with `SaslError` when it can't say. */
export interface PasswordChecker {
  check(user: string, password: Uint8Array, peer: SaslPeer): MaybePromise<boolean>;
}
