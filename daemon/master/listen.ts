import { readFileSync } from "node:fs";
import {
  type Config,
  ConfigError,
  inetFamilies,
  type MasterEntry,
  serviceConfig,
} from "../../core/config/mod.ts";
import { tcpPort } from "../../core/system/mod.ts";
import { roleOf } from "./plan.ts";

/** One address that a service listens on. */
export interface Endpoint {
  readonly hostname: string;
  readonly port: number;
}

/** Connections that wait in the kernel while the process is busy. */
const BACKLOG = 1024;

/**
 * The addresses of an `inet` entry: `port`, `host:port`, `[host]:port`, `:port`; without a host those of
 * `inet_interfaces`, restricted by `inet_protocols` (master(5)). Port 0 is any free port, for tests.
 * Throws `ConfigError` with the line of master.cf.
 */
export function endpointsOf(entry: MasterEntry, config: Config): Endpoint[] {
  const match = /^(?:\[([^\]]*)\]:|([^:]*):)?([^:]+)$/.exec(entry.name);
  const port = match === null ? undefined : match[3] === "0" ? 0 : tcpPort(match[3]!);
  if (match === null || port === undefined) {
    throw new ConfigError(
      `${entry.origin.file}: line ${entry.origin.line}: unknown service or port in "${entry.name}": ` +
        `use a number, a name from /etc/services, or host:port`,
      entry.origin,
    );
  }
  const host = match[1] ?? match[2] ?? "";
  const { ipv4, ipv6 } = inetFamilies(config);
  const names = host === "" ? config.list("inet_interfaces").map((word) => word.toLowerCase()) : [host];
  const addresses = names.flatMap((name) => addressesOf(name, ipv4, ipv6, entry));
  return [...new Set(addresses)].map((hostname) => ({ hostname, port }));
}

function addressesOf(name: string, ipv4: boolean, ipv6: boolean, entry: MasterEntry): string[] {
  const both = (four: string, six: string) => [...(ipv4 ? [four] : []), ...(ipv6 && haveIpv6() ? [six] : [])];
  if (name === "all") return ipv4 && ipv6 && haveIpv6() ? ["::"] : both("0.0.0.0", "::");
  if (name === "loopback-only" || name === "localhost") return both("127.0.0.1", "::1");
  const literal = name.replace(/^\[(.*)\]$/, "$1");
  if (/^\d+\.\d+\.\d+\.\d+$/.test(literal)) return ipv4 ? [literal] : [];
  if (literal.includes(":")) return ipv6 ? [literal] : [];
  const known = hostsFile().get(literal);
  if (known === undefined) {
    throw new ConfigError(
      `${entry.origin.file}: line ${entry.origin.line}: host "${literal}" of service "${entry.name}" is not in /etc/hosts: ` +
        `use an IP address`,
      entry.origin,
    );
  }
  return known.filter((address) => address.includes(":") ? ipv6 : ipv4);
}

function hostsFile(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let text = "";
  try {
    text = readFileSync("/etc/hosts", "utf8");
  } catch {
    return found;
  }
  for (const line of text.split("\n")) {
    const [address, ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (address === undefined || address === "") continue;
    for (const name of names) {
      found.set(name.toLowerCase(), [...(found.get(name.toLowerCase()) ?? []), address]);
    }
  }
  return found;
}

let ipv6Available: boolean | undefined;

/** Does this host speak IPv6 at all? Containers often do not. */
function haveIpv6(): boolean {
  if (ipv6Available === undefined) {
    try {
      Deno.listen({ hostname: "::1", port: 0 }).close();
      ipv6Available = true;
    } catch {
      ipv6Available = false;
    }
  }
  return ipv6Available;
}

/** `[127.0.0.1]:25` */
export function endpointText({ hostname, port }: Endpoint): string {
  return `[${hostname}]:${port}`;
}

/**
 * Listens on an address of an entry. Throws `ConfigError` with the line of master.cf and what to do.
 * @param reusePort another process of the same user may listen there as well (SO_REUSEPORT)
 */
export function listenOn(endpoint: Endpoint, entry: MasterEntry, reusePort: boolean): Deno.TcpListener {
  try {
    return Deno.listen({ ...endpoint, reusePort, tcpBacklog: BACKLOG });
  } catch (error) {
    const reason = error instanceof Deno.errors.AddrInUse
      ? "the port is in use by another program: stop it or choose another port"
      : error instanceof Deno.errors.PermissionDenied
      ? "ports below 1024 need root: start as root or choose another port"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new ConfigError(
      `${entry.origin.file}: line ${entry.origin.line}: cannot listen on ${
        endpointText(endpoint)
      }: ${reason}`,
      entry.origin,
    );
  }
}

/**
 * Makes sure, before any process starts, that no other program has one of the ports: processes that share ports among
 * themselves would share them with another mail system of the same user too. Throws as `listenOn` does.
 */
export function requireFreePorts(entries: readonly MasterEntry[], config: Config): void {
  for (const entry of entries) {
    if (entry.type !== "inet" || roleOf(entry) !== "front") continue;
    for (const endpoint of endpointsOf(entry, serviceConfig(config, entry))) {
      listenOn(endpoint, entry, false).close();
    }
  }
}
