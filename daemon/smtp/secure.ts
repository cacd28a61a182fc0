import type { Attempt } from "./attempt.ts";
import type { Session } from "./session.ts";
import { connectTls, sessionText, TlsError } from "../../core/tls/mod.ts";
import { localDetail, oneLine } from "./dsn.ts";
import type { TlsPolicy } from "./secure_policy.ts";
import { mustEncrypt, mustMatch } from "./tls_policy_table.ts";
import { failSite, failSiteLocally } from "./trouble.ts";

/** How the step between the handshake and the first transaction ended; after `started` the handshake begins anew. */
export type Secured = "plain" | "started" | "failed";

/** The step at which a session becomes private. Mail that has to be protected is never sent in the clear. */
export async function secure(attempt: Attempt, session: Session): Promise<Secured> {
  const { settings, features, log, tlsPolicy } = session;
  if (session.tls !== undefined) return "plain";
  if (tlsPolicy === undefined || tlsPolicy.level === "none") {
    if (features.starttls && settings.noteStarttlsOffer) {
      log.info(`Host offered STARTTLS: [${session.peer.host}]`);
    }
    return "plain";
  }
  const required = mustEncrypt(tlsPolicy.level);
  if (!features.starttls) {
    if (!required) return "plain";
    const reason = `TLS is required, but was not offered by host ${session.named}`;
    await failSiteLocally(attempt, session, attempt.requireTlsStatus("10", "4.7.4"), reason);
    return "failed";
  }
  if (tlsPolicy.engine === undefined) {
    if (!required) return "plain";
    await failSiteLocally(attempt, session, "4.7.5", "TLS is required, but our TLS engine is unavailable");
    return "failed";
  }
  session.limit(tlsPolicy.timeout);
  const reply = await session.command("STARTTLS");
  if (reply.code >= 200 && reply.code < 300) return await startTls(attempt, session);
  if (!required) return "plain";
  const reason = `TLS is required, but host ${session.named} refused to start TLS: ${oneLine(reply)}`;
  await failSite(attempt, session, reply, reason, `4${reply.status.slice(1)}`);
  return "failed";
}

/** The handshake of TLS itself, and whether the server is the one that was meant. */
export async function startTls(attempt: Attempt, session: Session): Promise<"started" | "failed"> {
  const { log, tlsPolicy: policy, stream } = session;
  if (policy?.engine === undefined) {
    await failSiteLocally(attempt, session, "4.7.5", "TLS is required, but our TLS engine is unavailable");
    return "failed";
  }
  if (policy.logLevel >= 2) log.info(`setting up TLS connection to ${session.relay}`);
  // RFC 3207 section 6: nothing that came in the clear counts under TLS.
  stream.skip(stream.buffered);
  try {
    const { channel, session: state } = await connectTls(session.channel.connection, {
      ...policy.engine,
      serverName: policy.serverName,
      withChain: policy.withChain,
      timeout: policy.timeout,
    });
    session.secured(channel, state);
  } catch (error) {
    if (!(error instanceof TlsError)) throw error;
    explain(session, error);
    session.close();
    if (policy.level === "may" && attempt.hasWaited(session.settings.minimalBackoff)) {
      session.retryPlain = true;
      return "failed";
    }
    const problem = localDetail("4.7.5", "Cannot start TLS: handshake failure");
    await attempt.failAll(session.relay, problem, policy.level !== "may");
    return "failed";
  }
  return await checkServer(attempt, session, policy);
}

function explain(session: Session, error: TlsError): void {
  const what = error.kind === "protocol" ? "-1" : error.message;
  session.log.info(`SSL_connect error to ${session.relay}: ${what}`, "tls_error", {
    relay: session.relay,
    reason: error.message,
  });
  if (error.kind === "protocol") session.log.warning(`TLS library problem: ${error.message}`);
}

async function checkServer(
  attempt: Attempt,
  session: Session,
  policy: TlsPolicy,
): Promise<"started" | "failed"> {
  const state = session.tls!;
  const checks = mustMatch(policy.level);
  const matched = policy.matches(state);
  if (checks && !matched) {
    const byDns = policy.level === "dane" || policy.level === "dane-only";
    const text = byDns
      ? `certificate verification failed for ${session.relay}: num=65:No matching DANE TLSA records`
      : state.trusted || policy.level === "fingerprint"
      ? `server certificate verification failed for ${session.relay}: ` +
        (policy.level === "fingerprint" ? "fingerprint mismatch" : "num=62:hostname mismatch")
      : `certificate verification failed for ${session.relay}: ${state.problem || "no certificate"}`;
    session.log.info(text);
  }
  if (policy.logLevel >= 1) {
    const status = state.peer === undefined
      ? "Anonymous"
      : checks
      ? matched ? "Verified" : "Untrusted"
      : state.trusted
      ? "Trusted"
      : "Untrusted";
    session.log.info(
      `${status} TLS connection established to ${session.relay}: ${sessionText(state)}`,
      "tls",
      {
        relay: session.relay,
        status,
        protocol: state.protocol,
        cipher: state.cipher,
        resumed: state.resumed,
        level: policy.level,
      },
    );
  }
  if (matched) return "started";
  const status = attempt.requireTlsStatus("10", "4.7.5");
  await failSiteLocally(attempt, session, status, "Server certificate not verified");
  return "failed";
}
