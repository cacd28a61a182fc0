import { decodeText } from "../../core/bytes/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import {
  decodeBase64,
  encodeBase64,
  SaslError,
  type SaslOutcome,
  type SaslPeer,
  type ServerDialogue,
} from "../../core/sasl/mod.ts";
import { reply, SmtpStreamError, type Word } from "../../core/smtp/mod.ts";
import type { ServerAuth } from "./auth_settings.ts";
import { isExempt } from "./limits.ts";
import { printable } from "./printable.ts";
import type { Session } from "./session.ts";

/** Who the client is, once it has authenticated (RFC 4954). */
export interface Login {
  readonly method: string;
  readonly user: string;
}

/** Why a response ended the exchange. */
type Ended = "aborted" | "too long" | "malformed" | "cut short";

/** Characters of a method and a name that log lines show. */
const SHOWN = 100;

function peerOf(session: Session): SaslPeer {
  const { client, tls } = session;
  return {
    clientAddress: client.address,
    clientPort: client.port,
    serverAddress: client.serverAddress,
    serverPort: client.serverPort,
    tls: tls !== undefined,
    certificateName: tls?.trusted === true ? tls.peer?.subject : undefined,
  };
}

/** Can the client authenticate at this point? */
function usable(session: Session): ServerAuth | undefined {
  const { auth } = session.service;
  return auth === undefined || (auth.tlsOnly && session.tls === undefined) ? undefined : auth;
}

/**
 * The lines of EHLO that offer AUTH; undefined if there is nothing to offer. A back end that can't say ends the session,
 * as the client would take a missing keyword for good.
 */
export async function authKeywords(session: Session): Promise<string | undefined> {
  const auth = usable(session);
  if (auth === undefined || session.discarded.has("auth")) return undefined;
  if (!auth.exceptions.isEmpty && await session.clientIn(auth.exceptions, "smtpd_sasl_exceptions_networks")) {
    return undefined;
  }
  const names = await offered(session, auth);
  if (names === undefined || names.length === 0) return undefined;
  const list = names.join(" ");
  return auth.oldKeyword ? `AUTH ${list}\nAUTH=${list}` : `AUTH ${list}`;
}

/** The names of the mechanisms; undefined if the session was ended because nobody can say. */
async function offered(session: Session, auth: ServerAuth): Promise<readonly string[] | undefined> {
  const security = session.tls === undefined ? auth.security : auth.securityUnderTls;
  let names: readonly string[] = [];
  try {
    if (auth.server === undefined) throw new SaslError("the SASL configuration can't be used");
    names = await auth.server.mechanisms(security, peerOf(session));
  } catch (error) {
    if (!(error instanceof SaslError)) throw error;
    session.warn(`SASL: ${error.message}`);
    session.reply(reply(421, "4.3.0", `${session.settings.hostname} Server local data error`));
    return undefined;
  }
  const kept: string[] = [];
  for (const name of names) if (await passesFilter(session, auth, name)) kept.push(name);
  if (kept.length === 0) session.warn("SASL: no mechanism suits smtpd_sasl_security_options");
  return kept;
}

async function passesFilter(session: Session, auth: ServerAuth, name: string): Promise<boolean> {
  // EXTERNAL is what the default filter takes out, for back ends that would believe any name.
  if (auth.mechanismFilter.isEmpty) return true;
  try {
    return await auth.mechanismFilter.matches(name.toLowerCase());
  } catch (error) {
    session.warn(`smtpd_sasl_mechanism_filter: ${messageOf(error)}`);
    return false;
  }
}

/** AUTH mechanism [initial-response] (RFC 4954 section 4). */
export async function auth(session: Session, words: readonly Word[]): Promise<boolean> {
  const { settings } = session;
  const settled = usable(session);
  if (settings.helloRequired && session.helo === undefined) {
    return session.refuse(503, "5.5.1", "Error: send HELO/EHLO first");
  }
  if (settled === undefined) return session.refuse(503, "5.5.1", "Error: authentication not enabled");
  if (session.transaction !== undefined) {
    return session.refuse(503, "5.5.1", "Error: MAIL transaction in progress");
  }
  if (session.login !== undefined) return session.refuse(503, "5.5.1", "Error: already authenticated");
  if (words.length < 2 || words.length > 3) return session.refuse(501, "5.5.4", "Syntax: AUTH mechanism");
  if (await exceedsAuthRate(session, settled)) {
    return session.refuse(
      450,
      "4.7.1",
      `Error: too many AUTH commands from ${session.client.address}`,
      "policy",
    );
  }
  const mechanism = words[1]!.text.toUpperCase();
  return await exchange(session, settled, mechanism, words[1]!.text, words[2]?.text);
}

async function exceedsAuthRate(session: Session, settled: ServerAuth): Promise<boolean> {
  if (settled.rateLimit <= 0 || await isExempt(session)) return false;
  const { service, client } = session;
  const rate = service.deps.anvil.auth(service.name, client.address);
  if (rate <= settled.rateLimit) return false;
  session.warn(`AUTH command rate limit exceeded: ${rate} from ${client.label} for service ${service.name}`);
  return true;
}

async function exchange(
  session: Session,
  settled: ServerAuth,
  mechanism: string,
  given: string,
  initialText: string | undefined,
): Promise<boolean> {
  const names = await offered(session, settled);
  if (names === undefined) return false;
  if (!names.includes(mechanism)) {
    return fail(session, given, settled.server!.unknownMechanism(shownMechanism(given)));
  }
  // RFC 4954 section 4: "=" stands for an empty response.
  const initial = initialText === undefined
    ? undefined
    : initialText === "="
    ? new Uint8Array(0)
    : decodeBase64(initialText);
  if (initialText !== undefined && initial === undefined) {
    return fail(session, given, malformed(initialText));
  }
  const dialogue = settled.server!.begin(mechanism, initial, peerOf(session));
  let outcome: SaslOutcome | Ended;
  try {
    outcome = await talk(session, settled, dialogue);
  } catch (error) {
    if (!(error instanceof SaslError)) throw error;
    session.warn(`SASL: ${error.message}`);
    outcome = { kind: "failed", reason: "generic failure", temporary: true };
  }
  if (outcome === "aborted") {
    session.warn(`${session.client.label}: SASL ${shownMechanism(given)} authentication aborted`);
    return session.refuse(501, "5.7.0", "Authentication aborted", "nobody");
  }
  if (outcome === "too long") {
    return session.refuse(500, "5.5.6", "SASL response limit exceeded", "nobody");
  }
  if (outcome === "cut short" || outcome === "malformed") {
    return fail(session, given, outcome === "cut short" ? malformed("a") : malformed("aaaa"));
  }
  if (outcome.kind === "failed") return fail(session, given, outcome);
  session.login = { method: given, user: printable(outcome.user) };
  session.reply(reply(235, "2.7.0", "Authentication successful"));
  return true;
}

type Failed = SaslOutcome & { readonly kind: "failed" };

/** What the Cyrus library says to something that is not base64: other words if only its end is missing. */
function malformed(text: string): Failed {
  const reason = text.length % 4 === 0 ? "bad protocol / cancel" : "another step is needed in authentication";
  return { kind: "failed", reason };
}

/** Carries challenges and responses to and fro until there is an outcome. */
async function talk(
  session: Session,
  settled: ServerAuth,
  dialogue: ServerDialogue,
): Promise<SaslOutcome | Ended> {
  let step = await dialogue.next();
  while (step.done !== true) {
    const response = await ask(session, settled, step.value);
    if (typeof response === "string") {
      await dialogue.return({ kind: "failed", reason: "" });
      return response;
    }
    step = await dialogue.next(response);
  }
  return step.value;
}

/** Sends a challenge and reads the response. */
async function ask(
  session: Session,
  settled: ServerAuth,
  challenge: Uint8Array,
): Promise<Uint8Array | Ended> {
  const { stream } = session;
  session.reply(reply(334, "", encodeBase64(challenge)));
  await stream.flush();
  const line = await stream.readLine(settled.responseLimit + 2);
  session.heardSecret();
  if (line === null) throw new SmtpStreamError("lost", "The client closed the connection");
  if (stream.truncated || line.length > settled.responseLimit) {
    // Not even its beginning is shown: it may be a password.
    session.warn(`${session.client.label}: request longer than ${settled.responseLimit}: ...`);
    return "too long";
  }
  const text = decodeText(line);
  if (text === "*") return "aborted";
  return decodeBase64(text) ?? (text.length % 4 === 0 ? "malformed" : "cut short");
}

/** Refuses with Postfix's words; what the client said is never shown, a name only where the back end knows it. */
function fail(session: Session, method: string, outcome: Failed): false {
  const { client, service } = session;
  const reason = printable(outcome.reason) || "(reason unavailable)";
  const user = outcome.user === undefined ? "(unavailable)" : printable(outcome.user).slice(0, SHOWN);
  for (const line of outcome.detail ?? []) session.warn(`SASL authentication failure: ${line}`);
  const shown = shownMechanism(method);
  service.deps.log.warning(
    `${client.label}: SASL ${shown} authentication failed: ${reason}, sasl_username=${user}`,
    "sasl_failed",
    { client: client.label, clientAddress: client.address, method: shown, reason, user: outcome.user },
  );
  return outcome.temporary === true
    ? session.refuse(454, "4.7.0", `Temporary authentication failure: ${reason}`, "nobody")
    : session.refuse(535, "5.7.8", `Error: authentication failed: ${reason}`, "nobody");
}

/**
 * A mechanism's name for the log (RFC 4422 section 3.1). Anything else may be credentials behind AUTH without a mechanism:
 * base64 has small letters as a rule, and what is known is shown however it is written.
 */
export function shownMechanism(given: string): string {
  return /^[A-Z0-9_-]{1,20}$/.test(given) || KNOWN_MECHANISM.test(given) ? given : "...";
}

const KNOWN_MECHANISM =
  /^(?:plain|login|(?:cram|digest)-md5|scram-sha-\d+(?:-plus)?|external|x?oauth(?:2|bearer)|gssapi|ntlm|anonymous)$/i;
