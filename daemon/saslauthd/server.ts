import { Buffer } from "node:buffer";
import { createServer, type Socket } from "node:net";
import { decodeText, printable } from "../../core/bytes/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { AnswerCache } from "./cache.ts";
import type { Login, Mechanism } from "./types.ts";

/** Bytes of each string that the daemon takes. */
const LONGEST = 256;
/** Seconds in which a client has to have asked. */
const TIMEOUT = 30;

export interface SaslauthdOptions {
  /** The directory in which the socket `mux` is made. */
  readonly directory: string;
  /** The mechanism's name, for the log. */
  readonly name: string;
  readonly mechanism: Mechanism;
  /** Login and realm are joined with `@` (`-r`). */
  readonly joinRealm: boolean;
  /** Questions that are answered at the same time (`-n`); 0 is no limit. */
  readonly workers: number;
  readonly cache?: AnswerCache | undefined;
  /** Log good answers too (`-V`, `-d`). */
  readonly verbose: boolean;
  readonly log: Logger;
}

/** Reads a request: four strings, each behind its length. */
export function parseRequest(bytes: Uint8Array): Login | "more" | "too long" {
  const parts: Uint8Array[] = [];
  let at = 0;
  while (parts.length < 4) {
    if (bytes.length < at + 2) return "more";
    const length = bytes[at]! * 256 + bytes[at + 1]!;
    if (length > LONGEST) return "too long";
    if (bytes.length < at + 2 + length) return "more";
    parts.push(Uint8Array.from(bytes.subarray(at + 2, at + 2 + length)));
    at += 2 + length;
  }
  const [login, password, service, realm] = parts;
  return {
    login: decodeText(login!),
    password: password!,
    service: decodeText(service!),
    realm: decodeText(realm!),
  };
}

/** Text from the network as log lines may carry it. */
function shown(text: string): string {
  return printable(text).slice(0, LONGEST);
}

/** Decides on requests. The answer says `OK` or `NO`; reasons are for the log alone. */
export function createDecider(options: SaslauthdOptions): (request: Login) => Promise<"OK" | "NO"> {
  const { log, mechanism, cache } = options;
  let busy = 0;
  const waiting: (() => void)[] = [];
  const ask = async (login: Login): Promise<string> => {
    if (options.workers > 0 && busy >= options.workers) await new Promise<void>((go) => waiting.push(go));
    busy += 1;
    try {
      return await mechanism(login);
    } catch (error) {
      log.error(`auth_${options.name}: ${messageOf(error)}`);
      return "NO authentication mechanism is not available";
    } finally {
      busy -= 1;
      waiting.shift()?.();
    }
  };
  const decide = async (request: Login): Promise<{ login: Login; reply: string; cached: boolean }> => {
    const login = options.joinRealm && request.realm !== ""
      ? { ...request, login: `${request.login}@${request.realm}` }
      : request;
    if (request.login === "") return { login, reply: "NO NULL login received", cached: false };
    if (request.password.length === 0) return { login, reply: "NO NULL password received", cached: false };
    // A NUL would be the end for the libraries that are asked.
    if (request.password.includes(0) || /\0/.test(request.login + request.service + request.realm)) {
      return { login, reply: "NO NUL in the request", cached: false };
    }
    if (cache?.has(login) === true) return { login, reply: "OK", cached: true };
    const reply = await ask(login);
    if (reply.startsWith("OK")) cache?.add(login);
    return { login, reply, cached: false };
  };
  return async (request) => {
    const { login, reply, cached } = await decide(request);
    const good = reply === "OK" || reply.startsWith("OK ");
    const who = `[user=${shown(login.login)}] [service=${shown(login.service)}] ` +
      `[realm=${shown(login.realm)}] [mech=${options.name}]`;
    if (!good) log.info(`auth failure: ${who} [reason=${shown(reply.slice(3)) || "Unknown"}]`);
    else if (options.verbose) log.info(`auth success${cached ? " (cached)" : ""}: ${who}`);
    return good ? "OK" : "NO";
  };
}

/** Serves the socket until `close` is called. Rejects with the system's error if it can't be made. */
export async function startSaslauthd(options: SaslauthdOptions): Promise<{ close(): Promise<void> }> {
  const path = `${options.directory}/mux`;
  const decide = createDecider(options);
  const serve = (socket: Socket) => {
    let received: Buffer = Buffer.alloc(0);
    socket.setTimeout(TIMEOUT * 1000, () => socket.destroy());
    // A client that goes away needs no answer.
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Uint8Array) => {
      received = Buffer.concat([received, chunk]);
      const request = parseRequest(received);
      if (request === "more") return;
      socket.pause();
      // From here on the mechanism has the time that it needs.
      socket.setTimeout(0);
      received.fill(0);
      const reply = request === "too long" ? Promise.resolve("NO") : decide(request);
      void reply.then((text) => {
        const bytes = Buffer.from(text);
        const length = Buffer.alloc(2);
        length.writeUInt16BE(bytes.length);
        socket.end(Buffer.concat([length, bytes]));
      });
    });
    socket.on("end", () => socket.end());
  };
  const server = createServer({ allowHalfOpen: true }, serve);
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  // The directory's mode says who may ask.
  Deno.chmodSync(path, 0o777);
  return {
    close: () =>
      new Promise((done) => {
        server.close(() => done());
      }),
  };
}
