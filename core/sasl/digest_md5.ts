/** DIGEST-MD5 (RFC 2831), authentication only (`qop=auth`). */
import { createHash, randomBytes } from "node:crypto";
import { type Environment, failed, Reason } from "./environment.ts";
import { octets, sameSecret, textOf } from "./text.ts";
import type { ServerDialogue } from "./types.ts";

function md5(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const hash = createHash("md5");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

const hex = (bytes: Uint8Array) => bytes.toHex();

/** What goes into a digest, besides the password. */
interface DigestInput {
  readonly user: string;
  readonly realm: string;
  readonly nonce: string;
  readonly cnonce: string;
  readonly uri: string;
  readonly authorization: string | undefined;
}

const NONCE_COUNT = "00000001";

/** The response-value of RFC 2831 section 2.1.2.1. `method` is `AUTHENTICATE`, and empty for the server's answer. */
function responseValue(input: DigestInput, password: Uint8Array, method: string): string {
  const secret = md5(`${input.user}:${input.realm}:`, password);
  const tail = input.authorization === undefined ? "" : `:${input.authorization}`;
  const a1 = hex(md5(secret, `:${input.nonce}:${input.cnonce}${tail}`));
  const a2 = hex(md5(`${method}:${input.uri}`));
  return hex(md5(`${a1}:${input.nonce}:${NONCE_COUNT}:${input.cnonce}:auth:${a2}`));
}

/** `name=value,name="va\"lue"` as a map; undefined if it is malformed or repeats a name. */
function directives(text: string): Map<string, string> | undefined {
  const found = new Map<string, string>();
  const pattern = /[\s,]*([A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*(?=,|$)/gsy;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) return undefined;
    const name = match[1]!.toLowerCase();
    if (found.has(name)) return undefined;
    found.set(name, match[3] ?? match[2]!.replace(/\\(.)/gs, "$1"));
    if (text.slice(pattern.lastIndex).trim() === "") break;
  }
  return found;
}

const quoted = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;

/** DIGEST-MD5 (RFC 2831). */
export async function* serveDigestMd5(
  environment: Environment,
  initial: Uint8Array | undefined,
): ServerDialogue {
  // There is no fast reauthentication here, so that an initial response has nothing to refer to.
  if (initial !== undefined) return failed(Reason.protocol);
  const nonce = randomBytes(24).toString("base64");
  const realm = environment.realm === "" ? environment.hostname : environment.realm;
  const response = textOf(
    yield octets(
      `nonce=${quoted(nonce)},realm=${quoted(realm)},qop="auth",charset=utf-8,algorithm=md5-sess`,
    ),
  );
  const given = directives(response ?? "");
  const user = given?.get("username");
  const cnonce = given?.get("cnonce");
  const uri = given?.get("digest-uri");
  const claimed = given?.get("response");
  if (!user || !cnonce || uri === undefined || claimed === undefined) return failed(Reason.protocol);
  const givenRealm = given?.get("realm") ?? "";
  const fullName = givenRealm === "" || user.includes("@") ? user : `${user}@${givenRealm}`;
  const wrong = given?.get("nonce") !== nonce || given.get("nc") !== NONCE_COUNT ||
    (given.get("qop") ?? "auth") !== "auth" ||
    !uri.toLowerCase().startsWith(`${environment.service.toLowerCase()}/`) ||
    (givenRealm !== realm && givenRealm !== "");
  if (wrong) return failed(Reason.refused, fullName);
  const at = user.indexOf("@");
  const password = at >= 0 && givenRealm === ""
    ? await environment.store?.password(user.slice(0, at), user.slice(at + 1))
    : await environment.store?.password(user, givenRealm === "" ? realm : givenRealm);
  const authorization = given.get("authzid");
  const input = { user, realm: givenRealm, nonce, cnonce, uri, authorization };
  const expected = responseValue(input, password ?? randomBytes(16), "AUTHENTICATE");
  if (!sameSecret(octets(expected), octets(claimed)) || password === undefined) {
    return failed(Reason.refused, fullName);
  }
  if (
    authorization !== undefined && authorization !== "" && authorization !== user &&
    authorization !== fullName
  ) {
    return failed(Reason.noAuthorization, fullName);
  }
  yield octets(`rspauth=${responseValue(input, password, "")}`);
  return { kind: "done", user: fullName };
}

/** The client's side: see `ClientDialogue`. */
export async function* answerDigestMd5(
  user: string,
  password: string,
  service: string,
  host: string,
): AsyncGenerator<Uint8Array, string | undefined, Uint8Array> {
  const given = directives(textOf(yield new Uint8Array(0)) ?? "");
  const nonce = given?.get("nonce");
  if (given === undefined || nonce === undefined || given.get("algorithm") !== "md5-sess") {
    return "the server's challenge makes no sense";
  }
  const qop = given.get("qop");
  if (qop !== undefined && !qop.split(/[\s,]+/).includes("auth")) return "the server wants a security layer";
  const at = user.lastIndexOf("@");
  const offered = given.get("realm");
  const name = offered === undefined && at >= 0 ? user.slice(0, at) : user;
  const realm = offered ?? (at >= 0 ? user.slice(at + 1) : "");
  const cnonce = randomBytes(24).toString("base64");
  const uri = `${service}/${host}`;
  const input = { user: name, realm, nonce, cnonce, uri, authorization: undefined };
  const secret = octets(password);
  const answer = `charset=utf-8,username=${quoted(name)},realm=${quoted(realm)},nonce=${quoted(nonce)},` +
    `nc=${NONCE_COUNT},cnonce=${quoted(cnonce)},digest-uri=${quoted(uri)},qop=auth,` +
    `response=${responseValue(input, secret, "AUTHENTICATE")}`;
  const proof = directives(textOf(yield octets(answer)) ?? "")?.get("rspauth");
  if (proof !== responseValue(input, secret, "")) return "the server does not know the password itself";
  yield new Uint8Array(0);
  return undefined;
}
