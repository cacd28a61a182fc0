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
  /** `127.0.0.1`, `::1`. */
  readonly address: string;
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

const UNKNOWN = "unknown";

interface Endpoint {
  readonly address: string;
  readonly port: string;
}

function endpoint(address: Deno.Addr): Endpoint {
  if (address.transport !== "tcp" && address.transport !== "udp") return { address: "127.0.0.1", port: "0" };
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address.hostname);
  return { address: mapped?.[1] ?? address.hostname, port: String(address.port) };
}

/** Finds out who the client is: address, name, and whether the name has that address. */
export async function identifyClient(
  connection: SmtpdConnection,
  options: {
    readonly resolver: SmtpdResolver | undefined;
    readonly lookupNames: boolean;
    readonly showPort: boolean;
    readonly log: Logger;
  },
): Promise<Client> {
  const remote = endpoint(connection.remoteAddr);
  const local = endpoint(connection.localAddr);
  const family = remote.address.includes(":") ? 10 : 2;
  const names = options.lookupNames && options.resolver !== undefined
    ? await lookupNames(remote.address, family === 10 ? 6 : 4, options.resolver, options.log)
    : UNNAMED;
  return {
    ...names,
    address: remote.address,
    rfcAddress: family === 10 ? `IPv6:${remote.address}` : remote.address,
    port: remote.port,
    family,
    label: `${names.name}[${remote.address}]${options.showPort ? ":" + remote.port : ""}`,
    serverAddress: local.address,
    serverPort: local.port,
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
    text: error instanceof Error ? error.message : String(error),
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
