/** Where a next hop points: `example.com`, `[host]:port`, `host:service`, `unix:/path`, `inet:host:port`. */
import { isIP } from "node:net";
import { isHostname } from "../../core/address/mod.ts";
import { servicePorts } from "../../core/system/mod.ts";

/** A next hop that was understood. */
export type Destination =
  | {
    readonly kind: "inet";
    /** As it was written: the name under which sessions are kept. */
    readonly text: string;
    /** Without brackets and port; `ipv6:` in front of an address is gone. */
    readonly host: string;
    readonly port: number;
    /** Written in brackets: no MX lookup. */
    readonly literal: boolean;
  }
  | { readonly kind: "unix"; readonly text: string; readonly path: string };

/** A next hop that can't be used; `message` says why. */
export class DestinationError extends Error {
  override readonly name = "DestinationError";
}

/** Services of services(5) that mail is sent to, for systems without that file. */
const KNOWN_SERVICES: Readonly<Record<string, number>> = {
  smtp: 25,
  mail: 25,
  smtps: 465,
  submissions: 465,
  submission: 587,
  lmtp: 24,
};

/** The port of a number or of a service's name; undefined if it is neither. */
export function findPort(service: string): number | undefined {
  if (/^\d+$/.test(service)) {
    const port = Number(service);
    return port > 0 && port < 65536 ? port : undefined;
  }
  return servicePorts("tcp").get(service) ?? KNOWN_SERVICES[service];
}

/**
 * Understands a next hop.
 *
 * @param defaultService port number or service name where none is given
 * @throws DestinationError
 */
export function parseDestination(text: string, defaultService: string): Destination {
  // [host], [host]:port, host, host:port; an IPv6 address needs its brackets.
  const match = /^\[([^\]]*)\](?::(.*))?$/.exec(text) ?? /^([^:[\]]+)(?::(.*))?$/.exec(text);
  const host = match?.[1] ?? "";
  const bare = host.replace(/^ipv6:/i, "");
  if (isIP(bare) === 0 && !isHostname(bare)) {
    throw new DestinationError(`valid hostname or network address required in server description: ${text}`);
  }
  const service = match?.[2] ?? defaultService;
  const port = findPort(service);
  if (port === undefined) {
    throw new DestinationError(
      /^\d*$/.test(service)
        ? `bad network port: ${service} for destination: ${text}`
        : `unknown service: ${service}/tcp`,
    );
  }
  return {
    kind: "inet",
    text,
    host: bare,
    port,
    literal: text.startsWith("["),
  };
}
