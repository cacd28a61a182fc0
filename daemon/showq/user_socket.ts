import { createServer, type Server, type Socket } from "node:net";
import { messageOf } from "../../core/errors/mod.ts";
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
  // Errors of the socket end reads and writes; without a listener they would end the process.
  socket.on("error", () => {});
  socket.setTimeout(options.idleTimeout * 1000, () => socket.destroy());
  const incoming = new Incoming(socket);
  try {
    const { uid } = peerCredentials(socket);
    if (await options.allowed(uid)) await options.serve(userConnection(socket, incoming, uid));
    else options.log.warning(`${options.path}: user ${uid} is not authorized`);
    socket.end();
    incoming.ignoreRest();
  } catch (error) {
    options.log.warning(`${options.path}: ${messageOf(error)}`);
    socket.destroy();
  }
}

/** What a client sends, read one call at a time; nothing is taken from the socket that nobody asked for. */
class Incoming {
  readonly #socket: Socket;
  #rest: Uint8Array = new Uint8Array(0);
  #ended = false;
  #ignoring = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.pause();
    socket.on("data", (data: Uint8Array) => {
      if (this.#ignoring) return;
      this.#rest = data;
      socket.pause();
      this.#wake();
    });
    const ended = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("end", ended).on("close", ended);
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#rest.length === 0) {
      if (this.#ended) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#socket.resume();
      });
    }
    const count = Math.min(buffer.length, this.#rest.length);
    buffer.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  /** Unread input would turn the close into a reset, which could cost the client our last words. */
  ignoreRest(): void {
    this.#ignoring = true;
    this.#socket.resume();
  }
}

function userConnection(socket: Socket, incoming: Incoming, uid: number): UserConnection {
  return {
    uid,
    read: (buffer) => incoming.read(buffer),
    write: (bytes) =>
      new Promise((resolve, reject) => {
        // The caller may overwrite the bytes as soon as this resolves, which is after they were taken.
        socket.write(bytes, (error) => error ? reject(new Deno.errors.BrokenPipe()) : resolve(bytes.length));
      }),
  };
}
