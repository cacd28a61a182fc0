import type { Attempt } from "./attempt.ts";
import type { Session } from "./session.ts";
import { failSiteLocally } from "./trouble.ts";

/**
 * The step at which the client logs in. There is no SASL client here yet. Where a password is configured for the server,
 * going on without it would get mail refused for good, so that it is deferred.
 */
export async function authenticate(
  attempt: Attempt,
  session: Session,
  hasPassword: ((key: string) => Promise<boolean>) | undefined,
): Promise<boolean> {
  if (hasPassword === undefined || session.features.auth === "") return true;
  const { nexthop, sender } = attempt.request;
  const keys = session.settings.senderDependentLogin
    ? [sender, session.peer.host, nexthop]
    : [session.peer.host, nexthop];
  for (const key of keys) {
    if (!await hasPassword(key)) continue;
    const reason = `SASL authentication failed; cannot authenticate to server ${session.named}: ` +
      "no SASL client in this release";
    await failSiteLocally(attempt, session, "4.7.0", reason);
    return false;
  }
  return true;
}

const warned = new WeakSet<object>();

/**
 * The step between the handshake and the first transaction at which a session becomes private. True if mail may be
 * sent over it. There is no TLS engine here yet, so that a session goes on in the clear where the policy leaves it
 * open, and ends where TLS is a must: mail that has to be protected is never sent in the clear.
 */
export async function secure(attempt: Attempt, session: Session): Promise<boolean> {
  const { settings, features, log } = session;
  const { tlsLevel } = settings;
  if (tlsLevel === "none") {
    if (features.starttls && settings.noteStarttlsOffer) {
      log.info(`Host offered STARTTLS: [${session.peer.host}]`);
    }
    return true;
  }
  if (tlsLevel === "may") {
    if (features.starttls && !warned.has(settings)) {
      warned.add(settings);
      log.warning(
        `${settings.protocol}_tls_security_level = may: TLS is not available in this release, ` +
          "mail is sent without encryption",
      );
    }
    return true;
  }
  if (!features.starttls) {
    const reason = `TLS is required, but was not offered by host ${session.named}`;
    await failSiteLocally(attempt, session, "4.7.4", reason);
  } else {
    await failSiteLocally(attempt, session, "4.7.5", "TLS is required, but our TLS engine is unavailable");
  }
  return false;
}
