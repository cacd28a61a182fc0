/** The lookup tables that the client's parameters name. */
import { createAddressing } from "../../core/address/mod.ts";
import type { Config } from "../../core/config/types.ts";
import type { Logger } from "../../core/log/mod.ts";
import {
  matchList,
  type MaybePromise,
  TableError,
  type TableList,
  type TableSet,
} from "../../core/table/mod.ts";
import { type DsnDetail, statusFilter } from "../delivery/mod.ts";
import type { SecurityOption } from "../../core/sasl/mod.ts";
import type { ClientAuth } from "./authenticate.ts";
import type { HandshakeDeps } from "./handshake.ts";
import type { Peer } from "./session.ts";
import type { ClientSettings } from "./settings.ts";

export interface MapsDeps {
  readonly config: Config;
  readonly tables: TableSet;
  readonly log: Logger;
}

/** Table lookups as functions; absent where the parameter is empty. */
export interface ClientMaps extends HandshakeDeps {
  /** `smtp_generic_maps` for one envelope address (internal form). */
  readonly rewrite?: (address: string) => Promise<string>;
  /** `smtp_reply_filter` for one line of a reply. */
  readonly filterLine?: (line: string) => Promise<string | undefined>;
  /** Is the server in `debug_peer_list`? A table that can't answer counts as no. */
  readonly isDebugPeer: (peer: Peer) => MaybePromise<boolean>;
  /** `smtp_delivery_status_filter`. */
  readonly filterDetail?: (detail: DsnDetail) => Promise<DsnDetail>;
}

/** Opens the tables. Throws `TableError` for those that can't be right. */
export function createMaps(deps: MapsDeps, settings: ClientSettings): ClientMaps {
  const { protocol } = settings;
  const open = (parameter: string): TableList | undefined => {
    const value = deps.config.string(parameter);
    return value === "" ? undefined : deps.tables.list(value, {}, parameter);
  };
  const discard = open(
    protocol === "smtp" ? "smtp_discard_ehlo_keyword_address_maps" : "lmtp_discard_lhlo_keyword_address_maps",
  );
  const pix = open(`${protocol}_pix_workaround_maps`);
  const replies = open(`${protocol}_reply_filter`);
  const statuses = open(`${protocol}_delivery_status_filter`);
  const auth = settings.saslEnabled ? clientAuth(deps, protocol) : undefined;
  return {
    ...(auth === undefined ? {} : { auth }),
    isDebugPeer: debugPeers(deps),
    discardKeywords: async (address) => await discard?.lookup(address),
    pixWorkarounds: async (address) => {
      const found = await pix?.lookup(address);
      return found === undefined
        ? settings.pixWorkarounds
        : found.split(/[\s,]+/).filter((word) => word !== "");
    },
    ...(settings.genericMaps === "" ? {} : { rewrite: genericRewriter(deps, settings) }),
    ...(replies === undefined ? {} : {
      filterLine: async (line) => await replies.lookup(line),
    }),
    ...(statuses === undefined ? {} : { filterDetail: statusFilter(statuses, deps.log) }),
  };
}

function debugPeers({ config, tables, log }: MapsDeps): ClientMaps["isDebugPeer"] {
  const name = "debug_peer_list";
  const list = matchList("address", config.string(name), tables, { name });
  if (list.isEmpty) return () => false;
  return async ({ host, address }) => {
    try {
      return await list.matches(host, address);
    } catch (error) {
      if (!(error instanceof TableError)) throw error;
      log.warning(`${name}: ${error.message}`);
      return false;
    }
  };
}

/** How the client logs in; undefined where there are no passwords. */
function clientAuth({ config, tables }: MapsDeps, protocol: string): ClientAuth | undefined {
  const name = (rest: string) => `${protocol}_sasl_${rest}`;
  if (config.string(name("password_maps")) === "") return undefined;
  const passwords = tables.list(
    config.string(name("password_maps")),
    { foldCase: true },
    name("password_maps"),
  );
  const filter = matchList("string", config.string(name("mechanism_filter")), tables, {
    name: name("mechanism_filter"),
  });
  const security = (parameter: string) =>
    new Set(config.list(name(parameter)).map((word) => word.toLowerCase() as SecurityOption));
  return {
    password: async (key) => await passwords.lookup(key),
    delimiter: config.string(name("password_result_delimiter")) || ":",
    security: security("security_options"),
    securityUnderTls: security("tls_security_options"),
    allows: async (mechanism) => filter.isEmpty || await filter.matches(mechanism.toLowerCase()),
    softBounce: config.bool(name("auth_soft_bounce")),
  };
}

/** generic(5) for envelope addresses. */
function genericRewriter(deps: MapsDeps, settings: ClientSettings): (address: string) => Promise<string> {
  const addressing = createAddressing(deps);
  const maps = addressing.openMaps(`${settings.protocol}_generic_maps`);
  const propagate = deps.config.list("propagate_unmatched_extensions").includes("generic");
  return async (address) => {
    if (address === "") return address;
    const found = await addressing.find(maps, address);
    if (found === undefined) return address;
    const result = addressing.rewriteInternal(
      "local",
      found.value.startsWith("@") ? address.slice(0, address.lastIndexOf("@")) + found.value : found.value,
    );
    if (!propagate || found.extension === "" || found.value.startsWith("@")) return result;
    const at = result.lastIndexOf("@");
    return at < 0 ? result + found.extension : result.slice(0, at) + found.extension + result.slice(at);
  };
}
