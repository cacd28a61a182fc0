import type { Config } from "../config/types.ts";
import type { TableSet } from "../table/mod.ts";
import type { Routing } from "./routing.ts";

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
