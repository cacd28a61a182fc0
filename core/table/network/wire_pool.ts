import type { OpenContext } from "../context.ts";
import { type Endpoint, endpointLabel } from "./endpoint.ts";
import { type FailureWords, type Server, ServerPool } from "./server_pool.ts";
import { Wire } from "./wire.ts";

/** Most simultaneous lookups over connections of our own protocols. */
const CONNECTIONS = 8;

/** The server of a protocol of our own. */
export interface WireServer extends Server {
  readonly endpoint: Endpoint;
}

/**
 * Connections to one server that is tried again at every lookup.
 * @param timeoutMs time that connecting and each operation may take
 */
export function wirePool(
  context: OpenContext,
  endpoint: Endpoint,
  timeoutMs: number,
  idleSeconds: number,
  words: FailureWords = {
    connect: (label) => `connect to ${label}`,
    query: () => `table ${context.type}:${context.name} lookup error`,
  },
): ServerPool<WireServer, Wire> {
  return new ServerPool<WireServer, Wire>({
    title: `${context.type}:${context.name}`,
    servers: [{ label: endpointLabel(endpoint), rank: 0, endpoint }],
    shuffle: false,
    retrySeconds: 0,
    idleSeconds,
    connections: CONNECTIONS,
    log: context.log,
    words,
    connect: (server) => Wire.open(server.endpoint, timeoutMs),
    close: (wire) => wire.close(),
  });
}
