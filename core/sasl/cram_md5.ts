/** CRAM-MD5 (RFC 2195). */
import { createHmac, randomBytes } from "node:crypto";
import { canonicalUser, type Environment, failed, Reason, storedPassword } from "./environment.ts";
import { octets, sameSecret, textOf } from "./text.ts";
import type { ServerDialogue } from "./types.ts";

/** The digest of a challenge with a password, in lower-case hexadecimal. */
export function cramDigest(password: Uint8Array, challenge: Uint8Array): string {
  return createHmac("md5", password).update(challenge).digest("hex");
}

/** CRAM-MD5 (RFC 2195). */
export async function* serveCramMd5(
  environment: Environment,
  initial: Uint8Array | undefined,
): ServerDialogue {
  // RFC 4422 section 3.3: the server goes first, so that there is no initial response.
  if (initial !== undefined) return failed(Reason.protocol);
  const random = randomBytes(8).toString("hex");
  const challenge = octets(`<${random}.${Math.floor(Date.now() / 1000)}@${environment.hostname}>`);
  const response = textOf(yield challenge);
  const blank = response?.lastIndexOf(" ") ?? -1;
  if (response === undefined || blank <= 0) return failed(Reason.protocol);
  const user = response.slice(0, blank);
  const name = canonicalUser(environment, user);
  const password = await storedPassword(environment, user);
  const expected = cramDigest(password ?? randomBytes(16), challenge);
  return sameSecret(octets(expected), octets(response.slice(blank + 1).toLowerCase())) &&
      password !== undefined
    ? { kind: "done", user: name }
    : failed(Reason.refused, name);
}
