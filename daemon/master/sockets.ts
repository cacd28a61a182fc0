import { messageOf } from "../../core/errors/mod.ts";
import type { Logger } from "../../core/log/mod.ts";

/** A UNIX socket that is being served. */
export interface ServedSocket {
  readonly path: string;
  /** Takes no new connections; running conversations go on. */
  close(): void;
}

/** Removes what a process that died left behind, but never anything else than a socket. */
function removeStaleSocket(path: string): void {
  try {
    const info = Deno.lstatSync(path);
    if (info.isSocket || info.isFifo) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Serves a UNIX socket (mode 0666: the directory protects it). `serve` has the connection to itself; it is closed when
 * the promise settles, and an error is logged. Throws if the socket can't be made.
 */
export function serveSocket(
  path: string,
  serve: (connection: Deno.UnixConn) => Promise<void>,
  log: Logger,
): ServedSocket {
  removeStaleSocket(path);
  const listener = Deno.listen({ transport: "unix", path });
  Deno.chmodSync(path, 0o666);
  return serveListener(listener, path, serve, log);
}

/** The same for a socket that is there. @param path how the log calls it */
export function serveListener<C extends Deno.Conn>(
  listener: { accept(): Promise<C>; close(): void },
  path: string,
  serve: (connection: C) => Promise<void>,
  log: Logger,
): ServedSocket {
  let closed = false;
  (async () => {
    for (;;) {
      let connection: C;
      try {
        connection = await listener.accept();
      } catch (error) {
        if (closed) return;
        log.warning(`accept on ${path}: ${messageOf(error)}`);
        await new Promise((done) => setTimeout(done, 1000));
        continue;
      }
      void converse(connection);
    }
  })();

  async function converse(connection: C): Promise<void> {
    try {
      await serve(connection);
    } catch (error) {
      log.warning(`${path}: ${messageOf(error)}`);
    } finally {
      try {
        connection.close();
      } catch {
        // The service closed it already.
      }
    }
  }

  return {
    path,
    close() {
      closed = true;
      listener.close();
    },
  };
}

/** Most bytes that a wake-up request may have. */
const MOST_TRIGGER_BYTES = 1024;

/** How long a client may keep a wake-up connection open behind its request, in milliseconds. */
const TRIGGER_TIME = 2000;

/**
 * Serves a wake-up socket: request bytes closed by a NUL, no answer (master(5), trigger protocol). The connection stays
 * open until the NUL is here: clients write it by itself, and one that finds the connection closed dies of SIGPIPE.
 */
export function serveTrigger(
  path: string,
  onRequest: (bytes: Uint8Array) => void,
  log: Logger,
): ServedSocket {
  return serveSocket(path, async (connection) => {
    const request = new Uint8Array(MOST_TRIGGER_BYTES);
    const timer = setTimeout(() => connection.close(), TRIGGER_TIME);
    let used = 0;
    try {
      while (used < request.length && request[used - 1] !== 0) {
        const count = await connection.read(request.subarray(used));
        if (count === null) break;
        used += count;
      }
    } catch (error) {
      // Closed by the timer: what came counts. A lost wake-up would only cost a scan interval, but it is here.
      if (!(error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted)) {
        throw error;
      }
    } finally {
      clearTimeout(timer);
    }
    if (used > 0) onRequest(request.subarray(0, used));
  }, log);
}
