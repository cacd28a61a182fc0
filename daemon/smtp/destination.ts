/** Where a next hop points: `example.com`, `[host]:port`, `host:service`, `unix:/path`, `inet:host:port`. */
import { isIP } from "node:net";
import { isHostname } from "../../core/address/mod.ts";
import { tcpPort } from "../../core/system/mod.ts";

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
  const port = tcpPort(service);
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
