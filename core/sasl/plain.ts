/** PLAIN (RFC 4616), LOGIN (no standard; as Cyrus SASL does it) and EXTERNAL (RFC 4422 appendix A). */
import { canonicalUser, type Environment, failed, Reason } from "./environment.ts";
import { octets, textOf } from "./text.ts";
import type { SaslOutcome, ServerDialogue } from "./types.ts";

const EMPTY = new Uint8Array(0);

async function checkPassword(
  environment: Environment,
  user: string,
  password: Uint8Array,
): Promise<SaslOutcome> {
  const name = canonicalUser(environment, user);
  if (user === "" || password.length === 0) return failed(Reason.refused, name);
  return await environment.checker.check(user, password, environment.peer)
    ? { kind: "done", user: name }
    : failed(Reason.refused, name);
}

export async function* servePlain(environment: Environment, initial: Uint8Array | undefined): ServerDialogue {
  const message = initial ?? (yield EMPTY);
  const first = message.indexOf(0);
  const second = first < 0 ? -1 : message.indexOf(0, first + 1);
  if (second < 0 || message.indexOf(0, second + 1) >= 0) return failed(Reason.protocol);
  const authorization = textOf(message.subarray(0, first));
  const user = textOf(message.subarray(first + 1, second));
  if (authorization === undefined || user === undefined) return failed(Reason.protocol);
  const outcome = await checkPassword(environment, user, message.subarray(second + 1));
  if (outcome.kind !== "done" || authorization === "") return outcome;
  // Nobody may act for somebody else here.
  return canonicalUser(environment, authorization) === outcome.user
    ? outcome
    : failed(Reason.noAuthorization, outcome.user);
}

export async function* serveLogin(environment: Environment, initial: Uint8Array | undefined): ServerDialogue {
  const user = textOf(initial ?? (yield octets("Username:")));
  if (user === undefined) return failed(Reason.protocol);
  const password = yield octets("Password:");
  return await checkPassword(environment, user, password);
}

export async function* serveExternal(
  environment: Environment,
  initial: Uint8Array | undefined,
): ServerDialogue {
  const authorization = textOf(initial ?? (yield EMPTY));
  const { certificateName } = environment.peer;
  if (certificateName === undefined) return failed(Reason.refused);
  const user = canonicalUser(environment, certificateName);
  if (authorization === undefined) return failed(Reason.protocol, user);
  if (authorization !== "" && canonicalUser(environment, authorization) !== user) {
    return failed(Reason.noAuthorization, user);
  }
  return { kind: "done", user };
}
