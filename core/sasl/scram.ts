/** SCRAM-SHA-1 and SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding. */
import { createHash, createHmac, pbkdf2, randomBytes } from "node:crypto";
import {
  canonicalUser,
  type Environment,
  failed,
  Reason,
  storedName,
  storedPassword,
} from "./environment.ts";
import { decodeBase64, encodeBase64, octets, sameSecret, saslPrep, textOf } from "./text.ts";
import type { ServerDialogue } from "./types.ts";

export type ScramHash = "sha1" | "sha256";

const ITERATIONS = 4096;
/** A server that asks for more work than this is up to no good. */
const MOST_ITERATIONS = 1_000_000;
/** Salts come from the user's name with this, so that unknown users look like known ones. */
const saltKey = randomBytes(32);
/** Salted passwords are kept for users who come often; by a digest, never in the clear. */
const salted = new Map<string, Uint8Array>();
const MOST_SALTED = 1000;

function hmac(hash: ScramHash, key: Uint8Array, text: string): Uint8Array {
  return createHmac(hash, key).update(text).digest();
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, index) => byte ^ b[index]!);
}

function derive(
  hash: ScramHash,
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    pbkdf2(
      password,
      salt,
      iterations,
      hash === "sha1" ? 20 : 32,
      hash,
      (error, key) => error === null ? resolve(key) : reject(error),
    );
  });
}

async function deriveCached(hash: ScramHash, password: Uint8Array, salt: Uint8Array): Promise<Uint8Array> {
  const key = createHmac("sha256", saltKey).update(hash).update(salt).update(password).digest("base64");
  const known = salted.get(key);
  if (known !== undefined) return known;
  const made = await derive(hash, password, salt, ITERATIONS);
  if (salted.size >= MOST_SALTED) salted.clear();
  salted.set(key, made);
  return made;
}

/** `n=name,r=nonce` as its parts; undefined if it is something else. */
function attributes(text: string): Map<string, string> | undefined {
  const parts = new Map<string, string>();
  for (const part of text.split(",")) {
    if (!/^[A-Za-z]=/.test(part) || parts.has(part[0]!)) return undefined;
    parts.set(part[0]!, part.slice(2));
  }
  return parts;
}

/** Undoes `=2C` and `=3D`; undefined for any other use of `=`. */
function unescapeName(text: string): string | undefined {
  if (/=(?!2C|3D)/.test(text)) return undefined;
  return text.replace(/=2C/g, ",").replace(/=3D/g, "=");
}

/** SCRAM (RFC 5802) without channel binding. */
export async function* serveScram(
  hash: ScramHash,
  environment: Environment,
  initial: Uint8Array | undefined,
): ServerDialogue {
  const first = textOf(initial ?? (yield new Uint8Array(0)));
  // y: the client could bind to the channel, but believes that we can't, which is right.
  const header = /^[ny],(?:a=([^,]*))?,/.exec(first ?? "");
  if (first === undefined || header === null) return failed(Reason.protocol);
  const firstBare = first.slice(header[0].length);
  const parts = attributes(firstBare);
  const name = unescapeName(parts?.get("n") ?? "=");
  const clientNonce = parts?.get("r");
  const user = name === undefined ? undefined : saslPrep(name);
  if (user === undefined || user === "" || !clientNonce || parts!.has("m")) return failed(Reason.protocol);
  const canonical = canonicalUser(environment, user);
  const password = await storedPassword(environment, user);
  const salt = createHmac("sha256", saltKey).update(storedName(environment, user).join("\0")).digest()
    .subarray(0, 16);
  const text = password === undefined ? undefined : textOf(password);
  const prepared = text === undefined ? undefined : saslPrep(text);
  const secret = await deriveCached(hash, prepared === undefined ? password ?? salt : octets(prepared), salt);
  const nonce = clientNonce + randomBytes(18).toString("base64");
  const serverFirst = `r=${nonce},s=${encodeBase64(salt)},i=${ITERATIONS}`;
  const final = textOf(yield octets(serverFirst));
  const proofAt = final?.lastIndexOf(",p=") ?? -1;
  if (final === undefined || proofAt < 0) return failed(Reason.protocol, canonical);
  const withoutProof = final.slice(0, proofAt);
  const finalParts = attributes(withoutProof);
  const proof = decodeBase64(final.slice(proofAt + 3));
  const binding = encodeBase64(octets(header[0]));
  if (finalParts?.get("r") !== nonce || finalParts.get("c") !== binding || proof === undefined) {
    return failed(Reason.protocol, canonical);
  }
  const clientKey = hmac(hash, secret, "Client Key");
  const storedKey = createHash(hash).update(clientKey).digest();
  const authMessage = `${firstBare},${serverFirst},${withoutProof}`;
  const signature = hmac(hash, storedKey, authMessage);
  const right = proof.length === signature.length && sameSecret(xor(proof, signature), clientKey);
  if (!right || password === undefined) return failed(Reason.refused, canonical);
  const authorization = header[1] === undefined ? undefined : unescapeName(header[1]);
  if (header[1] !== undefined && canonicalUser(environment, authorization ?? "") !== canonical) {
    return failed(Reason.noAuthorization, canonical);
  }
  const serverKey = hmac(hash, secret, "Server Key");
  yield octets(`v=${encodeBase64(hmac(hash, serverKey, authMessage))}`);
  return { kind: "done", user: canonical };
}

/** The client's side: see `ClientDialogue`. */
export async function* answerScram(
  hash: ScramHash,
  user: string,
  password: string,
): AsyncGenerator<Uint8Array, string | undefined, Uint8Array> {
  const name = saslPrep(user)?.replaceAll("=", "=3D").replaceAll(",", "=2C");
  const prepared = saslPrep(password);
  if (name === undefined || prepared === undefined) {
    return "name or password has characters that SASL forbids";
  }
  const clientNonce = randomBytes(18).toString("base64");
  const firstBare = `n=${name},r=${clientNonce}`;
  const serverFirst = textOf(yield octets(`n,,${firstBare}`));
  const parts = attributes(serverFirst ?? "");
  const salt = decodeBase64(parts?.get("s") ?? "*");
  const count = Number(parts?.get("i"));
  const nonce = parts?.get("r") ?? "";
  if (salt === undefined || !nonce.startsWith(clientNonce) || nonce === clientNonce) {
    return "the server's first message makes no sense";
  }
  if (!Number.isInteger(count) || count < 1 || count > MOST_ITERATIONS) {
    return "the server's iteration count is out of bounds";
  }
  const secret = await derive(hash, octets(prepared), salt, count);
  const clientKey = hmac(hash, secret, "Client Key");
  const withoutProof = `c=biws,r=${nonce}`;
  const authMessage = `${firstBare},${serverFirst},${withoutProof}`;
  const proof = xor(clientKey, hmac(hash, createHash(hash).update(clientKey).digest(), authMessage));
  const serverFinal = textOf(yield octets(`${withoutProof},p=${encodeBase64(proof)}`));
  const verifier = hmac(hash, hmac(hash, secret, "Server Key"), authMessage);
  if (serverFinal?.split(",")[0] !== `v=${encodeBase64(verifier)}`) {
    return "the server does not know the password itself";
  }
  yield new Uint8Array(0);
  return undefined;
}
