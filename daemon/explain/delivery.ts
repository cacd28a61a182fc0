import { type Resolved, splitLocalDomain } from "../../core/address/mod.ts";
import { type Config, type MasterEntry, readMasterFile } from "../../core/config/mod.ts";
import { matchList, splitList } from "../../core/table/mod.ts";
import { localSteps } from "./local.ts";
import { parameterCause, placeOf, placeOfEntry, tableCauses } from "./place.ts";
import type { Cause, Destination, Step } from "./types.ts";
import type { World } from "./world.ts";

/** `content_filter`, or FILTER of an access table: `transport:nexthop`. */
export interface Filter {
  readonly value: string;
  readonly causes: readonly Cause[];
}

/** The parameters that name the domains of a class. */
const CLASS_PARAMETER: Readonly<Record<string, string>> = {
  local: "mydestination",
  "virtual alias": "virtual_alias_domains",
  "virtual mailbox": "virtual_mailbox_domains",
  relay: "relay_domains",
};

/** The parameters that name a class's transport. */
const TRANSPORT_PARAMETER: Readonly<Record<string, string>> = {
  local: "local_transport",
  "virtual mailbox": "virtual_transport",
  relay: "relay_transport",
  default: "default_transport",
};

/** The word of a list of domains that a domain matches, with the table entry behind it. */
async function listedBy(world: World, parameter: string, domain: string): Promise<Cause> {
  const { config, tables } = world;
  const cause = parameterCause(config, parameter);
  const kind = parameter === "relay_domains" ? "domain" : "string";
  for (const item of splitList(config.string(parameter))) {
    world.takeLookups();
    if (item.startsWith("!") || !await matchList(kind, item, tables, { name: parameter }).matches(domain)) {
      continue;
    }
    const hit = world.takeLookups().find(({ value }) => value !== undefined);
    const place = hit === undefined ? cause.place : placeOfEntry(hit);
    return {
      ...cause,
      value: item,
      ...(hit === undefined ? {} : { table: hit.table, key: hit.key, entry: hit.value! }),
      ...(place === undefined ? {} : { place }),
    };
  }
  return cause;
}

async function classStep(world: World, resolved: Resolved): Promise<Step> {
  const { addressClass, recipient } = resolved;
  const { domain = "" } = splitLocalDomain(recipient);
  const parameter = CLASS_PARAMETER[addressClass];
  if (parameter === undefined) {
    return {
      stage: "class",
      what: "address class",
      result: `default: ${domain} is in none of ${Object.values(CLASS_PARAMETER).join(", ")}`,
      decides: true,
      causes: [],
    };
  }
  const isLiteral = addressClass === "local" && domain.startsWith("[");
  const cause = isLiteral
    ? parameterCause(world.config, "inet_interfaces")
    : await listedBy(world, parameter, domain);
  return { stage: "class", what: "address class", result: addressClass, decides: true, causes: [cause] };
}

/** The parameters that had a say in the route, with the table entries that answered. */
function routeStep(world: World, resolved: Resolved, lookups: ReturnType<World["takeLookups"]>): Step {
  const { config } = world;
  const { addressClass, transport, nexthop } = resolved;
  const byTable = tableCauses(config, lookups, [
    "transport_maps",
    "relocated_maps",
    "sender_dependent_relayhost_maps",
    "sender_dependent_default_transport_maps",
  ]).filter(({ parameter }) => parameter !== undefined);
  const causes = [...byTable];
  const own = TRANSPORT_PARAMETER[addressClass];
  if (!byTable.some(({ parameter }) => parameter === "transport_maps" || parameter === "relocated_maps")) {
    if (own !== undefined) causes.unshift(parameterCause(config, own));
    const relays = addressClass === "default" || addressClass === "relay";
    if (relays && config.string("relayhost") !== "") causes.push(parameterCause(config, "relayhost"));
  }
  return {
    stage: "route",
    what: "transport and next hop",
    result: `${transport}:${nexthop}`,
    decides: true,
    causes,
  };
}

/** The master.cf entry of a transport. */
function transportEntry(config: Config, transport: string): MasterEntry | undefined {
  return readMasterFile(config).find(({ name, type }) => name === transport && type === "unix");
}

function serviceStep(transport: string, entry: MasterEntry | undefined): Step {
  return {
    stage: "delivery",
    what: `service "${transport}"`,
    result: entry === undefined
      ? "not in master.cf: mail waits in the deferred queue"
      : [entry.command, ...entry.arguments].join(" "),
    decides: entry === undefined,
    causes: entry === undefined ? [] : [{ place: placeOf(entry.origin) }],
  };
}

async function virtualSteps(world: World, resolved: Resolved): Promise<Step[]> {
  const { config, addressing } = world;
  const steps: Step[] = [];
  for (const parameter of ["virtual_mailbox_maps", "virtual_uid_maps", "virtual_gid_maps"]) {
    world.takeLookups();
    const maps = addressing.openMaps(parameter);
    const found = maps.isEmpty ? undefined : await addressing.find(maps, resolved.recipient);
    const causes = tableCauses(config, world.takeLookups(), [parameter]);
    const base = config.string("virtual_mailbox_base");
    steps.push({
      stage: "delivery",
      what: parameter,
      result: found === undefined
        ? "no entry: the mail is returned"
        : parameter === "virtual_mailbox_maps"
        ? `${base === "" ? "" : `${base}/`}${found.value}`
        : found.value,
      decides: true,
      causes: causes.length > 0 ? causes : [parameterCause(config, parameter)],
    });
    if (found === undefined) break;
  }
  return steps;
}

/** A content filter takes the place of the route: of no recipient its own is asked for. */
function filteredDestination(world: World, filter: Filter, address: string): Destination {
  const [transport = "", ...rest] = filter.value.split(":");
  const { config } = world;
  const nexthop = rest.join(":") || config.string("default_filter_nexthop") ||
    (splitLocalDomain(address).domain ?? config.string("myhostname"));
  const route: Step = {
    stage: "route",
    what: "content filter instead of transport and next hop",
    result: `${transport}:${nexthop}`,
    decides: true,
    causes: filter.causes,
  };
  const service = serviceStep(transport, transportEntry(config, transport));
  return { address, addressClass: "", transport, nexthop, steps: [route, service] };
}

/** Where mail for one address goes, and why. */
export async function explainDestination(
  world: World,
  sender: string,
  address: string,
  filter: Filter | undefined,
): Promise<Destination> {
  if (filter !== undefined) return filteredDestination(world, filter, address);
  world.takeLookups();
  const resolved = await world.addressing.resolve(sender, address);
  const lookups = world.takeLookups();
  const { transport, nexthop, addressClass, error } = resolved;
  const common = { address: resolved.recipient, addressClass, transport, nexthop };
  if (error !== undefined) {
    return { ...common, error: `${error.code} ${error.text}`, steps: [] };
  }
  const steps = [await classStep(world, resolved), routeStep(world, resolved, lookups)];
  if (transport === "error" || transport === "retry") return { ...common, error: nexthop, steps };
  const entry = transportEntry(world.config, transport);
  steps.push(serviceStep(transport, entry));
  if (entry?.command === "local") steps.push(...await localSteps(world, resolved.recipient));
  if (entry?.command === "virtual") steps.push(...await virtualSteps(world, resolved));
  return { ...common, steps };
}
