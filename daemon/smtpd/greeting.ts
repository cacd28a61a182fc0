import { reply } from "../../core/smtp/mod.ts";
import { checkClient } from "./access/stages.ts";
import { isExempt } from "./limits.ts";
import type { Session } from "./session.ts";
import { interrupted } from "./pipelining.ts";

/** What a client may do, by its name and address; has to be found out anew when it becomes another one. */
async function findRights(session: Session): Promise<void> {
  const { settings } = session;
  session.strictLines = settings.bareNewline !== "no" &&
    !await session.clientIn(settings.bareNewlineExclusions, "smtpd_forbid_bare_newline_exclusions");
  session.mayVerp = !settings.verpHosts.isEmpty &&
    await session.clientIn(settings.verpHosts, "smtpd_authorized_verp_clients");
  session.mayXclient = !settings.xclientHosts.isEmpty &&
    await session.clientIn(settings.xclientHosts, "smtpd_authorized_xclient_hosts");
}

/** The greeting (RFC 5321 section 4.2), or a refusal. False: the connection ends after what was replied. */
export async function greet(session: Session): Promise<boolean> {
  const { xforwardHosts } = session.settings;
  session.mayXforward = !xforwardHosts.isEmpty &&
    await session.clientIn(xforwardHosts, "smtpd_authorized_xforward_hosts");
  await findRights(session);
  return await isWithinLimits(session) && !await talksTooEarly(session) && await welcome(session);
}

/** The greeting once more, for the client that XCLIENT has named. */
export async function beginAgain(session: Session): Promise<void> {
  session.verdicts.clear();
  await findRights(session);
  const goesOn = await isWithinLimits(session) && !await talksTooEarly(session) && await welcome(session);
  if (!goesOn) session.hangup = true;
}

/**
 * Counts the connection and refuses one too many. A client that may speak for others is not counted; the ones that it
 * names are. Nor are clients in `smtpd_client_event_limit_exceptions`.
 */
async function isWithinLimits(session: Session): Promise<boolean> {
  const { settings, service, client } = session;
  if (session.mayXclient || session.counted !== undefined) return true;
  if (await isExempt(session)) return true;
  session.counted = client.address;
  const counts = service.deps.anvil.connect(service.name, client.address);
  const { limits } = settings;
  const over = (count: number, most: number) => most > 0 && count > most;
  const title = over(counts.count, limits.connectionCount)
    ? `Connection concurrency limit exceeded: ${counts.count}`
    : over(counts.rate, limits.connectionRate)
    ? `Connection rate limit exceeded: ${counts.rate}`
    : undefined;
  if (title === undefined) return true;
  session.errors += 1;
  session.blame("policy");
  session.reply(
    reply(421, "4.7.0", `${settings.hostname} Error: too many connections from ${client.address}`),
  );
  session.warn(`${title} from ${client.label} for service ${service.name}`);
  return false;
}

/** A client has to wait for the greeting (RFC 5321 section 4.3.1). True if the session has to end. */
async function talksTooEarly(session: Session): Promise<boolean> {
  const { stream } = session;
  if (!stream.arrived) return false;
  if (stream.buffered === 0) await stream.fill();
  return interrupted(session, session.where);
}

async function welcome(session: Session): Promise<boolean> {
  const { settings } = session;
  const refusal = settings.delayReject ? undefined : await checkClient(session);
  if (refusal === undefined) {
    session.reply(reply(220, "", settings.banner));
  } else {
    session.denied = true;
    session.errors += 1;
    session.reply(refusal);
    await session.settle();
  }
  return !session.hangup;
}
