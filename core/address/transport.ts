import { findAddress, type FindRules, type FindScope } from "./find.ts";
import type { MapList } from "./map_list.ts";
import { isErrorTransport } from "./resolved.ts";
import { type Steps } from "./steps.ts";

/** Where mail goes: a master.cf service and what it is told. */
export interface Route {
  readonly transport: string;
  readonly nexthop: string;
}

/**
 * Applies one `transport:nexthop` of transport(5) to the route so far. Without a transport the present one stays;
 * a transport without a next hop gets the recipient's domain, or a text if it makes errors.
 */
function applyTransportEntry(entry: string, current: Route, domain: string): Route {
  const colon = entry.indexOf(":");
  const transport = colon === -1 ? entry : entry.slice(0, colon);
  const nexthop = colon === -1 ? "" : entry.slice(colon + 1);
  if (transport === "") return nexthop === "" ? current : { transport: current.transport, nexthop };
  if (nexthop !== "") return { transport, nexthop };
  return { transport, nexthop: isErrorTransport(transport) ? "Address is undeliverable" : domain };
}

/** Looks a recipient up in `transport_maps`: address, address without extension, domain, parents, `*`. */
export function* lookupTransport(
  rules: FindRules,
  maps: MapList,
  recipient: string,
  domain: string,
  current: Route,
  scope: FindScope,
): Steps<Route> {
  const found = yield* findAddress(rules, maps, recipient, scope);
  const entry = found?.value ?? (yield* maps.find("*", true));
  return entry === undefined ? current : applyTransportEntry(entry, current, domain);
}
