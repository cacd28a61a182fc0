import type { Config } from "../config/types.ts";
import type { TableSet } from "../table/mod.ts";
import type { MaybePromise } from "../table/types.ts";
import type { Resolved } from "./resolved.ts";

/** `local`: `$myorigin` and `$mydomain` complete addresses; `remote`: `remote_header_rewrite_domain` does. */
export type RewriteContext = "local" | "remote";

/** What trivial-rewrite(8) answers: canonical forms and routes. */
export interface Routing {
  /** An address in external form to canonical form, external as well. The empty address stays empty. */
  rewrite(context: RewriteContext, address: string): string;
  /** The same for internal forms: envelope addresses. */
  rewriteInternal(context: RewriteContext, address: string): string;
  /** Where mail from `sender` to `address` (internal forms) goes. Never throws because of a table. */
  resolve(sender: string, address: string): MaybePromise<Resolved>;
  /** The same with the parameters for address probes (`address_verify_*`). */
  verifyResolve(sender: string, address: string): MaybePromise<Resolved>;
}

/** Where doubtful configuration and unusable table entries are told; a `Logger` fits. */
export interface AddressLog {
  warning(text: string): void;
}

/** What the rooms of addresses stand on: one configuration snapshot and its tables. */
export interface AddressDeps {
  readonly config: Config;
  readonly tables: TableSet;
  readonly log?: AddressLog;
  /** Own network addresses, for `user@[address]`; found from `inet_interfaces` if absent. */
  readonly ownAddresses?: readonly string[];
  /**
   * Who rewrites addresses and says where they go, if that is not for this configuration to say: a service's own
   * settings don't change what trivial-rewrite(8) tells it.
   */
  readonly routing?: Routing;
}
