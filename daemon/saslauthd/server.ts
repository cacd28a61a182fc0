import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";
import { createServer, type Socket } from "node:net";
import { decodeText } from "../../core/bytes/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import type { Login, Mechanism } from "./mechanism.ts";

/** Bytes of each string that the daemon takes. */
const LONGEST = 256;
/** Seconds in which a client has to have asked. */
const TIMEOUT = 30;

export interface SaslauthdOptions {
  /** The directory in which the socket `mux` is made. */
  readonly directory: string;
  readonly mechanism: Mechanism;
  /** Login and realm are joined with `@` (`-r`). */
  readonly joinRealm: boolean;
  /** Seconds that good answers are remembered; undefined: they are not (`-c`, `-t`). */
  readonly cacheSeconds?: number | undefined;
  readonly log: Logger;
}

type Parsed = Login | "more" | "too long";

/** Reads a request: four strings, each behind its length. */
export function parseRequest(bytes: Uint8Array): Parsed {
  const texts: string[] = [];
  let at = 0;
  while (texts.length < 4) {
    if (bytes.length < at + 2) return "more";
    const length = bytes[at]! * 256 + bytes[at + 1]!;
    if (length > LONGEST) return "too long";
    if (bytes.length < at + 2 + length) return "more";
    texts.push(decodeText(bytes.subarray(at + 2, at + 2 + length)));
    at += 2 + length;
  }
  return { login: texts[0]!, password: texts[1]!, service: texts[2]!, realm: texts[3]! };
}

/** Serves the socket until `close` is called. Rejects with the system's error if it can't be made. */
export async function startSaslauthd(options: SaslauthdOptions): Promise<{ close(): Promise<void> }> {
  const path = `${options.directory}/mux`;
  const known = new Map<string, number>();
  const salt = randomBytes(32);
  const answer = async (request: Login): Promise<string> => {
    if (request.login === "") return "NO NULL login received";
    if (request.password === "") return "NO NULL password received";
    const login = options.joinRealm && request.realm !== ""
      ? { ...request, login: `${request.login}@${request.realm}` }
      : request;
    const key = createHash("sha256").update(salt).update(
      JSON.stringify([login.login, login.realm, login.service, login.password]),
    ).digest("base64");
    if ((known.get(key) ?? 0) > Date.now()) return "OK";
    let reply: string;
    try {
      reply = await options.mechanism(login);
    } catch (error) {
      options.log.error(`auth failure: ${error instanceof Error ? error.message : error}`);
      reply = "NO authentication mechanism is not available";
    }
    if (reply.startsWith("OK")) {
      if (options.cacheSeconds !== undefined) {
        if (known.size > 10_000) known.clear();
        known.set(key, Date.now() + options.cacheSeconds * 1000);
      }
      return reply;
    }
    options.log.info(
      `do_auth         : auth failure: [user=${login.login}] [service=${login.service}] [realm=${login.realm}] [reason=${
        reply.slice(3)
      }]`,
    );
    return reply;
  };
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
      const reply = request === "too long" ? Promise.resolve("NO ") : answer(request);
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
