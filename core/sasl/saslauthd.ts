/** The protocol of saslauthd's socket: four counted strings in, one counted text out, once a connection. */
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { reasonOf } from "../errors/mod.ts";
import { octets } from "./text.ts";
import { SaslError } from "./types.ts";

/** Where the socket is unless `saslauthd_path` says otherwise. */
export const DEFAULT_MUX = "/var/run/saslauthd/mux";
/** Seconds that the daemon gets for an answer; PAM modules may be slow on purpose. */
const TIMEOUT = 60;
/** Bytes of all strings together that the library is ready to send. */
const MOST_BYTES = 8000;

/** What saslauthd is asked. */
export interface LoginRequest {
  readonly login: string;
  readonly password: Uint8Array;
  readonly service: string;
  readonly realm: string;
}

/** A request as bytes. Throws `SaslError` if it is too long. */
function loginRequestBytes(request: LoginRequest): Uint8Array {
  const parts = [octets(request.login), request.password, octets(request.service), octets(request.realm)];
  const size = parts.reduce((sum, part) => sum + 2 + part.length, 0);
  if (size > MOST_BYTES) throw new SaslError("the login is too long for saslauthd");
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes[at] = part.length >> 8;
    bytes[at + 1] = part.length & 0xff;
    bytes.set(part, at + 2);
    at += 2 + part.length;
  }
  return bytes;
}

/** Asks saslauthd and gives its answer: `OK ...` or `NO ...`. Rejects with `SaslError` without one. */
export function askSaslauthd(path: string, request: LoginRequest, seconds = TIMEOUT): Promise<string> {
  const bytes = loginRequestBytes(request);
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const chunks: Uint8Array[] = [];
    const fail = (message: string) => {
      socket.destroy();
      reject(new SaslError(message));
    };
    socket.setTimeout(seconds * 1000, () => fail(`saslauthd at ${path} does not answer`));
    socket.on("connect", () => socket.write(bytes));
    socket.on("error", (error) => fail(`cannot connect to saslauthd server: ${reasonOf(error)} (${path})`));
    socket.on("data", (chunk: Uint8Array) => {
      chunks.push(chunk);
      const all = Buffer.concat(chunks);
      if (all.length < 2) return;
      const length = all.readUInt16BE(0);
      if (length < 2) return fail("bad response from saslauthd");
      if (all.length < 2 + length) return;
      socket.destroy();
      resolve(all.subarray(2, 2 + length).toString("latin1"));
    });
    socket.on("end", () => {
      const received = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      fail(received < 2 ? "size read failed" : "read failed");
    });
  });
}

/** Is it the right password? A name with `@` is split at the last one into login and realm. */
export async function checkBySaslauthd(
  path: string,
  user: string,
  password: Uint8Array,
  service: string,
  realm: string,
): Promise<boolean> {
  const at = user.lastIndexOf("@");
  const answer = await askSaslauthd(path, {
    login: at < 0 ? user : user.slice(0, at),
    password,
    service,
    realm: at < 0 ? realm : user.slice(at + 1),
  });
  return answer.startsWith("OK");
}
