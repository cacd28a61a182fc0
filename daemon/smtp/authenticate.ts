import {
  chooseMechanism,
  type ClientDialogue,
  type ClientMechanism,
  decodeBase64,
  encodeBase64,
  type SecurityOption,
} from "../../core/sasl/mod.ts";
import { TableError } from "../../core/table/mod.ts";
import type { Attempt } from "./attempt.ts";
import { isPositive, oneLine, type ServerReply } from "./dsn.ts";
import type { Session } from "./session.ts";
import { failSite, failSiteLocally } from "./trouble.ts";

/** How the client logs in, from `smtp_sasl_...`. */
export interface ClientAuth {
  /** The value of `smtp_sasl_password_maps` for a server, destination or sender. Rejects with `TableError`. */
  password(key: string): Promise<string | undefined>;
  /** What stands between user and password in it. */
  readonly delimiter: string;
  readonly security: ReadonlySet<SecurityOption>;
  readonly securityUnderTls: ReadonlySet<SecurityOption>;
  /** The mechanism may be used (`smtp_sasl_mechanism_filter`). */
  allows(mechanism: string): Promise<boolean>;
  /** A refusal counts as temporary (`smtp_sasl_auth_soft_bounce`). */
  readonly softBounce: boolean;
}

/** Most challenges of one exchange: a server that goes on for ever is no server. */
const MOST_STEPS = 20;

/**
 * The step at which the client logs in (RFC 4954). Where a password is configured for the server, going on without
 * it would get mail refused for good, so that it is deferred. False: the recipients were failed or deferred.
 */
export async function authenticate(
  attempt: Attempt,
  session: Session,
  auth: ClientAuth | undefined,
): Promise<boolean> {
  if (auth === undefined || session.features.auth === "") return true;
  session.secret = true;
  try {
    return await logIn(attempt, session, auth);
  } finally {
    session.secret = false;
  }
}

const FAILED = "SASL authentication failed; ";

async function logIn(attempt: Attempt, session: Session, auth: ClientAuth): Promise<boolean> {
  let entry: string | undefined;
  try {
    entry = await findEntry(attempt, session, auth);
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    session.log.warning(error.message);
    await failSiteLocally(attempt, session, "4.3.0", `${FAILED}password lookup error`);
    return false;
  }
  if (entry === undefined) return true;
  const mechanism = await commonMechanism(session, auth);
  if (mechanism === undefined) {
    session.log.warning("SASL authentication failure: No worthy mechs found");
    return await giveUp(attempt, session, "no mechanism available");
  }
  const split = entry.indexOf(auth.delimiter);
  const user = split < 0 ? entry : entry.slice(0, split);
  const password = split < 0 ? "" : entry.slice(split + auth.delimiter.length);
  const dialogue = mechanism.answer({
    user,
    password,
    service: session.settings.protocol,
    host: session.peer.host,
  });
  // A server may quote what it was told; that must not get into the log or into a notice.
  const said = [password];
  const reply = await converse(session, mechanism, dialogue, said);
  if (typeof reply === "string") return await giveUp(attempt, session, reply);
  if (!isPositive(reply)) {
    const shown = withoutSecrets(reply, said);
    const reason = `${FAILED}server ${session.named} said: ${oneLine(shown)}`;
    // As Postfix does by default: a password may be mended before the mail is too old.
    const status = auth.softBounce && reply.code === 535 ? `4${reply.status.slice(1)}` : undefined;
    await failSite(attempt, session, shown, reason, status);
    return false;
  }
  if (!mechanism.properties.includes("mutual_auth")) return true;
  // The server said yes; it must also have shown that it knows the password.
  const rest = await dialogue.next(new Uint8Array(0));
  if (rest.done === true && rest.value === undefined) return true;
  return await giveUp(attempt, session, "the server did not show that it knows the password");
}

/** The best mechanism that both sides have and the configuration allows. */
async function commonMechanism(session: Session, auth: ClientAuth): Promise<ClientMechanism | undefined> {
  const offered: string[] = [];
  for (const name of session.features.auth.split(/\s+/)) if (await auth.allows(name)) offered.push(name);
  return chooseMechanism(offered, session.tls === undefined ? auth.security : auth.securityUnderTls);
}

/**
 * The AUTH command, challenges and responses. Returns the server's last word, or why the exchange was cancelled.
 * @param said gets what was sent
 */
async function converse(
  session: Session,
  mechanism: ClientMechanism,
  dialogue: ClientDialogue,
  said: string[],
): Promise<ServerReply | string> {
  let step = await dialogue.next();
  const initial = mechanism.clientFirst && step.done !== true ? ` ${encodeBase64(step.value) || "="}` : "";
  said.push(initial.trim());
  let reply: ServerReply = await session.command(`AUTH ${mechanism.name}${initial}`);
  for (let steps = 0; reply.code === 334; steps++) {
    const challenge = decodeBase64(reply.text.slice(4).trim());
    step = challenge === undefined || steps === MOST_STEPS
      ? await dialogue.return("the server's challenge makes no sense")
      : await dialogue.next(challenge);
    if (step.done === true) {
      await session.command("*");
      return step.value ?? "unexpected challenge";
    }
    const response = encodeBase64(step.value);
    said.push(response);
    reply = await session.command(response);
  }
  return reply;
}

/** The recipients are deferred, because we can't log in. */
async function giveUp(attempt: Attempt, session: Session, why: string): Promise<false> {
  const reason = `${FAILED}cannot authenticate to server ${session.named}: ${why}`;
  await failSiteLocally(attempt, session, "4.7.0", reason);
  return false;
}

/** Secrets shorter than this can't be told from ordinary words of a reply. */
const SHORTEST_SECRET = 4;

function withoutSecrets(reply: ServerReply, secrets: readonly string[]): ServerReply {
  let { text } = reply;
  for (const secret of secrets) {
    if (secret.length >= SHORTEST_SECRET) text = text.replaceAll(secret, "[...]");
  }
  return text === reply.text ? reply : { ...reply, text };
}

/** By sender first where that is wanted, then by server, then by destination. */
async function findEntry(attempt: Attempt, session: Session, auth: ClientAuth): Promise<string | undefined> {
  const { nexthop, sender } = attempt.request;
  const keys = session.settings.senderDependentLogin && sender !== ""
    ? [sender, session.peer.host, nexthop]
    : [session.peer.host, nexthop];
  for (const key of keys) {
    const value = await auth.password(key);
    if (value !== undefined) return value;
  }
  return undefined;
}
