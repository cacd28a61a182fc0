import type { PasswordChecker, PasswordStore, SaslOutcome, SaslPeer } from "./types.ts";

/** What a mechanism of our own server works with. */
export interface Environment {
  /** Absent where only a checker knows passwords. */
  readonly store?: PasswordStore | undefined;
  readonly checker: PasswordChecker;
  /** `smtpd_sasl_local_domain`; may be empty. */
  readonly realm: string;
  /** The server's name, which stands for an empty realm. */
  readonly hostname: string;
  /** `smtp`. */
  readonly service: string;
  readonly peer: SaslPeer;
}

/** The reasons of failures, in the words of the Cyrus library, which log analysers know. */
export const Reason = {
  refused: "authentication failure",
  protocol: "bad protocol / cancel",
  parameter: "invalid parameter supplied",
  noMechanism: "no mechanism available",
  noAuthorization: "authorization failure",
  generic: "generic failure",
} as const;

/** The exchange has failed; `reason` is for the log. */
export function failed(reason: string, user?: string): SaslOutcome {
  return user === undefined ? { kind: "failed", reason } : { kind: "failed", reason, user };
}

/** The full name of a user: the realm is appended to one without. */
export function canonicalUser(environment: Environment, user: string): string {
  return environment.realm === "" || user.includes("@") ? user : `${user}@${environment.realm}`;
}

/** User and realm under which a store has a password: the name is split at the first `@`. */
export function storedName(environment: Environment, user: string): readonly [string, string] {
  const at = user.indexOf("@");
  if (at >= 0) return [user.slice(0, at), user.slice(at + 1)];
  return [user, environment.realm === "" ? environment.hostname : environment.realm];
}

/** The clear-text password of a user, or undefined. Rejects with `SaslError`. */
export async function storedPassword(
  environment: Environment,
  user: string,
): Promise<Uint8Array | undefined> {
  return await environment.store?.password(...storedName(environment, user));
}
