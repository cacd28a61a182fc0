import { messageOf } from "../../core/errors/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import type { SmtpdConnection, SmtpdResolver } from "./types.ts";

/** How a name was found: `ok`, for good not, for now not, or the name does not have this address (forged). */
export type NameStatus = "ok" | "permanent" | "temporary" | "forged";

/** Who is at the other end. */
export interface Client {
  /** Verified name, or `unknown`. */
  readonly name: string;
  /** Name by address alone, or `unknown`. */
  readonly reverseName: string;
  readonly nameStatus: NameStatus;
  readonly reverseNameStatus: NameStatus;
  /** `127.0.0.1`, `::1`; `unknown` if XCLIENT said so. */
  readonly address: string;
  /** Where the connection came from; XCLIENT does not change it. */
  readonly connectedFrom: string;
  /** `127.0.0.1`, `IPv6:::1`. */
  readonly rfcAddress: string;
  readonly port: string;
  /** 2 for IPv4, 10 for IPv6: AF_INET and AF_INET6 of Linux. */
  readonly family: 2 | 10;
  /** `name[address]`, with `:port` if `smtpd_client_port_logging`. */
  readonly label: string;
  readonly serverAddress: string;
  readonly serverPort: string;
}

/** Stands for what is not known. */
export const UNKNOWN = "unknown";

/** One end of a connection. */
export interface Endpoint {
  readonly address: string;
  readonly port: string;
}

/** Both ends of a connection. */
export interface Endpoints {
  readonly client: Endpoint;
  readonly server: Endpoint;
}

/** The ends of a connection as the system knows them. */
export function endpointsOf(connection: SmtpdConnection): Endpoints {
  return { client: endpoint(connection.remoteAddr), server: endpoint(connection.localAddr) };
}

function endpoint(address: Deno.Addr): Endpoint {
  if (address.transport !== "tcp" && address.transport !== "udp") return { address: "127.0.0.1", port: "0" };
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address.hostname);
  return { address: mapped?.[1] ?? address.hostname, port: String(address.port) };
}

/** Finds out who the client is: address, name, and whether the name has that address. */
export async function identifyClient(
  endpoints: Endpoints,
  options: {
    readonly resolver: SmtpdResolver | undefined;
    readonly lookupNames: boolean;
    readonly showPort: boolean;
    readonly log: Logger;
  },
): Promise<Client> {
  const { address, port } = endpoints.client;
  const names = options.lookupNames && options.resolver !== undefined
    ? await lookupNames(address, address.includes(":") ? 6 : 4, options.resolver, options.log)
    : UNNAMED;
  return describeClient({
    ...names,
    address,
    connectedFrom: address,
    port,
    serverAddress: endpoints.server.address,
    serverPort: endpoints.server.port,
  }, options.showPort);
}

/** Adds what follows from the rest. @param showPort `smtpd_client_port_logging` */
export function describeClient(
  facts: Omit<Client, "family" | "rfcAddress" | "label">,
  showPort: boolean,
): Client {
  const family = facts.address.includes(":") ? 10 : 2;
  return {
    ...facts,
    rfcAddress: family === 10 ? `IPv6:${facts.address}` : facts.address,
    family,
    label: `${facts.name}[${facts.address}]${showPort ? ":" + facts.port : ""}`,
  };
}

type Names = Pick<Client, "name" | "reverseName" | "nameStatus" | "reverseNameStatus">;

const UNNAMED: Names = {
  name: UNKNOWN,
  reverseName: UNKNOWN,
  nameStatus: "permanent",
  reverseNameStatus: "permanent",
};

function failure(error: unknown): { status: NameStatus; text: string } {
  const kind = error instanceof Error && "kind" in error ? error.kind : undefined;
  return {
    status: kind === "notFound" || kind === "noData" || kind === "invalid" ? "permanent" : "temporary",
    text: messageOf(error),
  };
}

async function lookupNames(
  address: string,
  family: 4 | 6,
  resolver: SmtpdResolver,
  log: Logger,
): Promise<Names> {
  let name: string | undefined;
  try {
    name = (await resolver.hostName(address))[0];
  } catch (error) {
    const { status } = failure(error);
    return { ...UNNAMED, nameStatus: status, reverseNameStatus: status };
  }
  if (name === undefined) return UNNAMED;
  if (/^[0-9.]+$|:/.test(name)) {
    log.warning(`numeric hostname: ${name}`);
    return UNNAMED;
  }
  const found = { name, reverseName: name, nameStatus: "ok", reverseNameStatus: "ok" } as const;
  try {
    const addresses = await resolver.host(name, [family]);
    if (addresses.some((record) => record.address === address)) return found;
    log.warning(`hostname ${name} does not resolve to address ${address}`);
    return { ...found, name: UNKNOWN, nameStatus: "forged" };
  } catch (error) {
    const { status, text } = failure(error);
    log.warning(`hostname ${name} does not resolve to address ${address}: ${text}`);
    return { ...found, name: UNKNOWN, nameStatus: status };
  }
}
