/** A server on 127.0.0.1, for tests and recordings that stand in for a service. */
export interface TestServer {
  readonly port: number;
  /** All connections so far, in their order. */
  readonly connections: readonly Deno.Conn[];
  /** Hangs up on all clients and resolves when nothing is accepted any more. */
  close(): Promise<void>;
}

/** Serves each connection with `serve`, which may reject: a client that hangs up first is no trouble. */
export function startTcpServer(serve: (conn: Deno.Conn) => Promise<void>, port = 0): TestServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const conn of listener) {
      connections.push(conn);
      serve(conn).catch(() => {});
    }
  })();
  return {
    port: listener.addr.port,
    connections,
    async close() {
      listener.close();
      for (const conn of connections) {
        try {
          conn.close();
        } catch {
          // Closed already.
        }
      }
      await accepting;
    },
  };
}
