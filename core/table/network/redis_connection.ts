import { Decoder, RESP_TYPES } from "@redis/client/dist/lib/RESP/decoder.js";
import { Buffer } from "node:buffer";
import net from "node:net";
import tls from "node:tls";
import { encodeText } from "../../bytes/mod.ts";
import { reasonOf } from "../../errors/mod.ts";
import type { Endpoint } from "./endpoint.ts";
import { ServerLost, within } from "./server_lost.ts";

/** What a command can give: text, a number, nothing, or several of them. An error can only stand among several. */
export type Reply =
  | Uint8Array
  | string
  | number
  | bigint
  | boolean
  | null
  | Error
  | readonly Reply[]
  | object;

/** How to get in. */
export interface RedisLogin {
  /** Empty for the default user. */
  readonly username: string;
  /** Empty without a login, if there is no user name either. */
  readonly password: string;
  readonly database: number;
  /** Options of `tls.connect`, or undefined for plain connections. UNIX sockets need none. */
  readonly tls: tls.ConnectionOptions | undefined;
}

interface Waiting {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

const TYPES = { [RESP_TYPES.BLOB_STRING]: Buffer };

/**
 * A connection to a Redis server, by the protocol parts of the Redis project's client. Its own connections are not used:
 * for a moment after a TLS handshake nobody listens there for errors, and a server that refuses the client's certificate
 * then ends the process.
 */
export class RedisConnection {
  readonly #waiting: Waiting[] = [];
  #lost: Error | undefined;

  private constructor(
    private readonly socket: net.Socket,
    private readonly timeoutMs: number,
    private readonly onLost: () => void,
  ) {
    const decoder = new Decoder({
      onReply: (reply) => this.#next().resolve(reply),
      onErrorReply: (error) => this.#next().reject(error),
      onPush: () => {},
      getTypeMapping: () => TYPES,
    });
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(new Error("Connection closed by the server")));
    socket.on("data", (chunk) => {
      try {
        decoder.write(chunk);
      } catch (error) {
        this.#end(error);
      }
    });
  }

  /**
   * Connects, logs in and selects the database. Rejects with the server's error, or `ServerLost`.
   * @param timeoutMs the time that this and, later, each command may take
   * @param onLost called when the connection ends
   */
  static async open(
    endpoint: Endpoint,
    login: RedisLogin,
    timeoutMs: number,
    onLost: () => void,
  ): Promise<RedisConnection> {
    const socket = connectTo(endpoint, login.tls);
    const connection = new RedisConnection(socket, timeoutMs, onLost);
    try {
      const { username, password, database } = login;
      const first = [];
      if (username !== "") first.push(connection.command(["AUTH", username, password]));
      else if (password !== "") first.push(connection.command(["AUTH", password]));
      if (database !== 0) first.push(connection.command(["SELECT", String(database)]));
      if (first.length === 0) first.push(connection.#connected());
      await Promise.all(first);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Sends a command; each word is an argument. Rejects with the server's error, or `ServerLost`. */
  command(words: readonly string[]): Promise<Reply> {
    return within(
      this.timeoutMs,
      new Promise((resolve, reject) => {
        if (this.#lost !== undefined) return reject(this.#lost);
        this.#waiting.push({ resolve, reject });
        this.socket.write(encoded(words));
      }),
    );
  }

  /** May be called again. */
  close(): void {
    this.#end(new Error("Connection closed"));
  }

  /** Waits until something can be sent. */
  #connected(): Promise<Reply> {
    return within(
      this.timeoutMs,
      new Promise((resolve, reject) => {
        this.socket.once(this.socket instanceof tls.TLSSocket ? "secureConnect" : "connect", resolve);
        this.socket.once("close", () => reject(this.#lost));
      }),
    );
  }

  /** Whom the reply is for. Throws if nobody asked: what comes then belongs to no question. */
  #next(): Waiting {
    const next = this.#waiting.shift();
    if (next === undefined) throw new Error("A reply that nobody asked for");
    return next;
  }

  #end(reason: unknown): void {
    if (this.#lost !== undefined) return;
    this.#lost = new ServerLost(reasonOf(reason));
    this.socket.destroy();
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#lost);
    this.onLost();
  }
}

function connectTo(endpoint: Endpoint, options: tls.ConnectionOptions | undefined): net.Socket {
  if (endpoint.kind === "unix") return net.connect({ path: endpoint.path });
  const { host, port } = endpoint;
  const common = { host, port, noDelay: true };
  if (options === undefined) return net.connect(common);
  return tls.connect({ ...common, ...options, ...(net.isIP(host) === 0 ? { servername: host } : {}) });
}

/** A command as the protocol has it: an array of counted strings. */
function encoded(words: readonly string[]): Uint8Array {
  return Buffer.concat([
    encodeText(`*${words.length}\r\n`),
    ...words.flatMap((word) => {
      const bytes = encodeText(word);
      return [encodeText(`$${bytes.length}\r\n`), bytes, encodeText("\r\n")];
    }),
  ]);
}
