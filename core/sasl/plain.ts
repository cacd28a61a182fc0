/** PLAIN (RFC 4616), LOGIN (no standard; as Cyrus SASL does it) and EXTERNAL (RFC 4422 appendix A). */
import { canonicalUser, type Environment, failed, Reason } from "./environment.ts";
import { octets, textOf } from "./text.ts";
import { SaslError, type SaslOutcome, type ServerDialogue } from "./types.ts";

/** Bytes of a name that LOGIN takes. */
const LONGEST_NAME = 1024;
const EMPTY = new Uint8Array(0);

async function checkPassword(
  environment: Environment,
  user: string,
  password: Uint8Array,
): Promise<SaslOutcome> {
  if (user.trim() === "") {
    return { kind: "failed", reason: Reason.generic, temporary: true, detail: ["All-whitespace username."] };
  }
  const name = canonicalUser(environment, user);
  if (password.length === 0) return failed(Reason.refused, name);
  try {
    return await environment.checker.check(user, password, environment.peer)
      ? { kind: "done", user: name }
      : failed(Reason.refused, name);
  } catch (error) {
    if (!(error instanceof SaslError)) throw error;
    return { kind: "failed", reason: Reason.generic, temporary: true, detail: [error.message], user: name };
  }
}

/** PLAIN (RFC 4616). */
export async function* servePlain(environment: Environment, initial: Uint8Array | undefined): ServerDialogue {
  const message = initial ?? (yield EMPTY);
  const first = message.indexOf(0);
  const second = first < 0 ? -1 : message.indexOf(0, first + 1);
  if (first < 0) return malformed("Can only find author (no password)");
  if (second < 0) return malformed("Can only find author/en (no password)");
  if (message.indexOf(0, second + 1) >= 0) {
    return malformed("Got more data than we were expecting in the PLAIN plugin?");
  }
  const authorization = textOf(message.subarray(0, first));
  const user = textOf(message.subarray(first + 1, second));
  if (authorization === undefined || user === undefined) return failed(Reason.protocol);
  const outcome = await checkPassword(environment, user, message.subarray(second + 1));
  if (outcome.kind === "failed") {
    if (outcome.temporary === true && outcome.user === undefined) return outcome;
    return { ...outcome, detail: [...outcome.detail ?? [], "Password verification failed"] };
  }
  if (authorization === "") return outcome;
  // Nobody may act for somebody else here.
  const wanted = canonicalUser(environment, authorization);
  if (wanted === outcome.user) return outcome;
  return {
    kind: "failed",
    reason: Reason.refused,
    user: wanted,
    detail: ["Requested identity not authenticated identity"],
  };
}

function malformed(detail: string): SaslOutcome {
  return { kind: "failed", reason: Reason.protocol, detail: [detail] };
}

/** LOGIN, which has no standard: the name, then the password. */
export async function* serveLogin(environment: Environment, initial: Uint8Array | undefined): ServerDialogue {
  const name = initial ?? (yield octets("Username:"));
  if (name.length > LONGEST_NAME) {
    return malformed(`username too long (>${LONGEST_NAME} characters)`);
  }
  const user = textOf(name);
  if (user === undefined) return failed(Reason.protocol);
  const password = yield octets("Password:");
  return await checkPassword(environment, user, password);
}

/** EXTERNAL (RFC 4422 appendix A): the client is who its certificate says. */
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
