/** Opens connections to servers, with the C library's words for what went wrong. */
import { connect as connectNode, type Socket } from "node:net";
import { reasonOf } from "../../core/errors/mod.ts";
import type { ByteChannel } from "../../core/smtp/mod.ts";

/** A connection could not be opened; `message` is the C library's text. */
export class ConnectError extends Error {
  override readonly name = "ConnectError";
}

/** Where to. */
export type Target =
  | { readonly kind: "inet"; readonly address: string; readonly port: number; readonly bind?: string }
  | { readonly kind: "unix"; readonly path: string };

/**
 * Opens a connection within `timeout` seconds (0: no limit but the system's). Rejects with `ConnectError`.
 */
export async function openConnection(target: Target, timeout: number): Promise<ByteChannel> {
  if (target.kind === "inet" && target.bind !== undefined) {
    return await openBound(target.address, target.port, target.bind, timeout);
  }
  let expired = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const opening = target.kind === "unix"
    ? Deno.connect({ transport: "unix", path: target.path })
    : Deno.connect({ hostname: target.address, port: target.port });
  try {
    if (timeout === 0) return ready(await opening, target);
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        expired = true;
        reject(new ConnectError("Connection timed out"));
      }, timeout * 1000);
    });
    return ready(await Promise.race([opening, late]), target);
  } catch (error) {
    if (expired) opening.then((connection) => connection.close(), () => {});
    throw error instanceof ConnectError ? error : new ConnectError(reasonOf(error), { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

function ready(connection: Deno.Conn, target: Target): ByteChannel {
  // Commands are sent whole; waiting for more to fill a packet would only delay them.
  if (target.kind === "inet") (connection as Deno.TcpConn).setNoDelay(true);
  return connection;
}

/** From a given source address, which only Node's sockets can do. */
function openBound(address: string, port: number, bind: string, timeout: number): Promise<ByteChannel> {
  return new Promise((resolve, reject) => {
    const socket = connectNode({ host: address, port, localAddress: bind, noDelay: true });
    const timer = timeout > 0
      ? setTimeout(() => socket.destroy(new ConnectError("Connection timed out")), timeout * 1000)
      : undefined;
    socket.once("error", (error) => {
      clearTimeout(timer);
      reject(error instanceof ConnectError ? error : new ConnectError(reasonOf(error)));
    });
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      resolve(new SocketChannel(socket));
    });
  });
}

/** A Node socket read by pulling. */
class SocketChannel implements ByteChannel {
  #error: Error | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(readonly socket: Socket) {
    socket.pause();
    const wake = () => this.#wake?.();
    socket.on("readable", wake);
    socket.on("end", () => {
      this.#ended = true;
      wake();
    });
    socket.on("close", () => {
      this.#ended = true;
      wake();
    });
    socket.on("error", (error) => {
      this.#error = error;
      wake();
    });
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const length = Math.min(into.length, this.socket.readableLength);
      const chunk: Uint8Array | null = length > 0 ? this.socket.read(length) : this.socket.read();
      if (chunk !== null) {
        const count = Math.min(chunk.length, into.length);
        into.set(chunk.subarray(0, count));
        if (count < chunk.length) this.socket.unshift(chunk.subarray(count));
        return count;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) return reject(this.#error);
      this.socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
    });
  }

  close(): void {
    this.socket.destroy();
  }
}
