import { createServer, type Server, type Socket } from "node:net";
import type { ByteSink, ByteSource } from "../../core/ipc/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { peerCredentials } from "../../core/system/mod.ts";

/** One conversation with a user's command. */
export interface UserConnection extends ByteSource, ByteSink {
  /** Who is at the other end, from the kernel. */
  readonly uid: number;
}

/** A socket that any local user may connect to. */
export interface UserServerOptions {
  /** Path of the socket; an old one in its place is removed. */
  readonly path: string;
  /** May this user have the service? */
  readonly allowed: (uid: number) => boolean | Promise<boolean>;
  /** Does the work; the connection is closed when it resolves. */
  readonly serve: (connection: UserConnection) => Promise<void>;
  readonly log: Logger;
  /** Seconds without any progress after which a client is dropped. */
  readonly idleTimeout: number;
}

export interface UserServer {
  /** Stops accepting; running conversations end by themselves. */
  close(): Promise<void>;
}

/**
 * Listens for the commands of unprivileged users, who have no access to the directory `public`. The socket is open to
 * all (mode 0666); who may have the service is decided by the caller's identity, which the kernel vouches for.
 */
export async function listenForUsers(options: UserServerOptions): Promise<UserServer> {
  removeOldSocket(options.path);
  const server = createServer((socket) => void converse(socket, options));
  await listening(server, options.path);
  Deno.chmodSync(options.path, 0o666);
  return {
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function removeOldSocket(path: string): void {
  try {
    if (Deno.lstatSync(path).isSocket) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function converse(socket: Socket, options: UserServerOptions): Promise<void> {
  // Errors of the socket arrive through reads and writes; without a listener they would end the process.
  socket.on("error", () => {});
  socket.setTimeout(options.idleTimeout * 1000, () => socket.destroy());
  try {
    const { uid } = peerCredentials(socket);
    if (await options.allowed(uid)) await options.serve(userConnection(socket, uid));
    else options.log.warning(`${options.path}: user ${uid} is not authorized`);
    socket.end();
  } catch (error) {
    options.log.warning(`${options.path}: ${error instanceof Error ? error.message : String(error)}`);
    socket.destroy();
  }
}

/** Reads and writes a node:net socket one call at a time. */
function userConnection(socket: Socket, uid: number): UserConnection {
  const pieces = socket[Symbol.asyncIterator]() as AsyncIterableIterator<Uint8Array>;
  let rest: Uint8Array = new Uint8Array(0);
  return {
    uid,
    async read(buffer) {
      if (rest.length === 0) {
        const next = await pieces.next();
        if (next.done) return null;
        rest = next.value;
      }
      const count = Math.min(buffer.length, rest.length);
      buffer.set(rest.subarray(0, count));
      rest = rest.subarray(count);
      return count;
    },
    write: (bytes) =>
      new Promise((resolve, reject) => {
        // The bytes may be overwritten by the caller as soon as this resolves, which is after they were taken.
        socket.write(bytes, (error) => error ? reject(new Deno.errors.BrokenPipe()) : resolve(bytes.length));
      }),
  };
}
