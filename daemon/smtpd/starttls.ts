import { reply, SmtpStreamError, type Word } from "../../core/smtp/mod.ts";
import { acceptTls, sessionText, TlsError, type TlsSession } from "../../core/tls/mod.ts";
import { isExempt } from "./limits.ts";
import type { Session } from "./session.ts";
import type { ServerKeys, ServerTls } from "./starttls_settings.ts";

/** Commands that may come before TLS where TLS is a must (RFC 3207 section 4). */
const BEFORE_TLS = new Set(["HELO", "EHLO", "STARTTLS", "NOOP", "QUIT", "XCLIENT", "XFORWARD"]);

/** Has the client to say STARTTLS before this command? */
export function needsTlsFirst(session: Session, command: string): boolean {
  return session.service.tls?.required === true && session.tls === undefined && !BEFORE_TLS.has(command);
}

/** STARTTLS (RFC 3207). */
export async function starttls(session: Session, words: readonly Word[]): Promise<boolean> {
  const { tls } = session.service;
  if (words.length !== 1) return session.refuse(501, "5.5.4", "Syntax: STARTTLS");
  if (session.tls !== undefined) return session.refuse(554, "5.5.1", "Error: TLS already active");
  if (tls === undefined || session.discarded.has("starttls")) {
    return session.refuse(502, "5.5.1", "Error: command not implemented");
  }
  if (tls.server === undefined) {
    return session.refuse(454, "4.7.0", "TLS not available due to local problem", "software");
  }
  if (await isOverRate(session, tls)) {
    session.warn(
      `Refusing STARTTLS request from ${session.client.label} for service ${session.service.name}`,
    );
    return session.refuse(454, "4.7.0", `Error: too many new TLS sessions from ${session.client.label}`);
  }
  session.reply(reply(220, "2.0.0", "Ready to start TLS"));
  await session.stream.flush();
  // RFC 3207 section 6: nothing that came in the clear counts under TLS.
  session.stream.skip(session.stream.buffered);
  return await startTls(session, tls, tls.server);
}

/** Begins a session of a service in wrapper mode (RFC 8314 section 3). False: the connection ends. */
export async function startWrapped(session: Session, tls: ServerTls): Promise<boolean> {
  const { client, service } = session;
  if (tls.server === undefined) {
    session.warn(
      `Wrapper-mode request dropped from ${client.label} for service ${service.name}. ` +
        "TLS context initialization failed. For details see earlier warnings in your logs.",
    );
    return false;
  }
  if (await isOverRate(session, tls)) {
    session.warn(`Refusing TLS service request from ${client.label} for service ${service.name}`);
    return false;
  }
  return await startTls(session, tls, tls.server) && !session.hangup;
}

/** Had the client too many new TLS sessions before this one? */
async function isOverRate(session: Session, tls: ServerTls): Promise<boolean> {
  if (tls.rateLimit <= 0 || await isExempt(session)) return false;
  const { service, client } = session;
  return service.deps.anvil.newtlsRate(service.name, client.address) > tls.rateLimit;
}

/** The handshake and what belongs to it: false for one session too many. Rejects with `SmtpStreamError` when it fails. */
async function startTls(session: Session, tls: ServerTls, server: ServerKeys): Promise<boolean> {
  const { stream, client, service, settings } = session;
  const { log } = service.deps;
  if (tls.logLevel >= 2) log.info(`setting up TLS connection from ${client.label}`);
  let state: TlsSession;
  try {
    const connection = await acceptTls(stream.channel, {
      context: server.context,
      choose: (hello) => server.choose(hello),
      askCertificate: tls.askCertificate,
      timeout: settings.starttlsTimeout,
    });
    stream.switchChannel(connection.channel);
    state = connection.session;
  } catch (error) {
    if (!(error instanceof TlsError)) throw error;
    explain(session, error);
    throw new SmtpStreamError("lost", error.message, { cause: error });
  }
  // RFC 3207 section 4.2: the client starts anew.
  session.reset();
  session.helo = undefined;
  session.login = undefined;
  session.protocol = "SMTP";
  session.tls = state;
  session.login = undefined;
  if (tls.requireCertificate && state.peer !== undefined && !state.trusted) {
    log.info(`certificate verification failed for ${client.label}: ${state.problem}`);
  }
  if (tls.logLevel >= 1) {
    const status = state.peer === undefined ? "Anonymous" : state.trusted ? "Trusted" : "Untrusted";
    log.info(`${status} TLS connection established from ${client.label}: ${sessionText(state)}`, "tls", {
      client: client.label,
      clientAddress: client.address,
      status,
      protocol: state.protocol,
      cipher: state.cipher,
      resumed: state.resumed,
      serverName: state.serverName,
    });
  }
  return await checkSession(session, tls, state);
}

/** Ends a session with too many predecessors, or without the certificate that it needs. */
async function checkSession(session: Session, tls: ServerTls, state: TlsSession): Promise<boolean> {
  const { client, service, settings } = session;
  if (tls.requireCertificate && !state.trusted) {
    const text = state.peer === undefined
      ? "No client certificate presented"
      : "Client certificate not trusted";
    service.deps.log.info(`NOQUEUE: abort: TLS from ${client.label}: ${text}`, "tls_abort", {
      client: client.label,
      clientAddress: client.address,
      reason: text,
    });
    session.reply(reply(421, "4.7.1", `${settings.hostname} Error: ${text}`));
    return true;
  }
  if (state.resumed || tls.rateLimit <= 0 || await isExempt(session)) return true;
  const rate = service.deps.anvil.newtls(service.name, client.address);
  if (rate <= tls.rateLimit) return true;
  session.warn(
    `New TLS session rate limit exceeded: ${rate} from ${client.label} for service ${service.name}`,
  );
  session.reply(
    reply(421, "4.7.0", `${settings.hostname} Error: too many new TLS sessions from ${client.label}`),
  );
  return false;
}

function explain(session: Session, error: TlsError): void {
  const { log } = session.service.deps;
  const what = error.kind === "protocol" ? "-1" : error.message;
  log.info(`SSL_accept error from ${session.client.label}: ${what}`, "tls_error", {
    client: session.client.label,
    clientAddress: session.client.address,
    reason: error.message,
  });
  if (error.kind === "protocol") log.warning(`TLS library problem: ${error.message}`);
}
