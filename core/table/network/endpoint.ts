import { servicePort } from "./service_port.ts";

/** Where a server listens. */
export type Endpoint =
  | { readonly kind: "inet"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** What stands for an endpoint in messages: `host:port` or the path. */
export function endpointLabel(endpoint: Endpoint): string {
  if (endpoint.kind === "unix") return endpoint.path;
  return endpoint.host.includes(":")
    ? `[${endpoint.host}]:${endpoint.port}`
    : `${endpoint.host}:${endpoint.port}`;
}

/**
 * Reads `unix:/path`, `inet:host:port`, `host:port`, `[::1]:port` or, with a default port, `host`. A port may be a
 * service name.
 * @returns undefined when the text is none of them
 */
export function parseEndpoint(text: string, defaultPort?: number): Endpoint | undefined {
  if (text.startsWith("unix:")) return text === "unix:" ? undefined : { kind: "unix", path: text.slice(5) };
  const rest = text.startsWith("inet:") ? text.slice(5) : text;
  const match = /^(?:\[([^\[\]]+)\]|([^:\[\]]+))(?::([^:]+))?$/.exec(rest);
  if (match === null) return undefined;
  const host = match[1] ?? match[2]!;
  const port = match[3] === undefined ? defaultPort : servicePort(match[3]);
  return port === undefined ? undefined : { kind: "inet", host, port };
}
