import type { Attempt } from "./attempt.ts";
import { isPositive, oneLine, type ServerReply } from "./dsn.ts";
import type { Features, Session } from "./session.ts";
import { noFeatures } from "./session.ts";
import { authenticate, type ClientAuth } from "./authenticate.ts";
import { secure, startTls } from "./secure.ts";
import { failConversation, failSite, failSiteLocally } from "./trouble.ts";

/** What the handshake needs beyond the session. */
export interface HandshakeDeps {
  /** EHLO keywords to ignore for a server address, undefined for the default. Rejects when a table can't answer. */
  discardKeywords(address: string): Promise<string | undefined>;
  /** Absent without `smtp_sasl_auth_enable`. */
  readonly auth?: ClientAuth;
  /** Workarounds for a firewall in front of a server address. */
  pixWorkarounds(address: string): Promise<readonly string[]>;
}

/** Everything but digits, blanks and stars in a greeting: a PIX firewall that hides the server has none. */
const GREETING_TEXT = /[^20 *\t\n]/;

/**
 * Greets the server. True if mail may be sent over the session; else the open recipients were failed or kept.
 *
 * @param loops does it matter that we may be talking to ourselves?
 */
export async function shakeHands(
  attempt: Attempt,
  session: Session,
  deps: HandshakeDeps,
  loops: boolean,
): Promise<boolean> {
  session.queueId = attempt.request.queueId;
  let doing = "receiving the initial server greeting";
  session.limit(session.settings.timeouts.helo);
  try {
    if (session.tlsPolicy?.wrapper === true) {
      doing = "performing the TLS handshake";
      if (await startTls(attempt, session) === "failed") return false;
      doing = "receiving the initial server greeting";
      session.limit(session.settings.timeouts.helo);
    }
    const greeting = await session.reply();
    if (!isPositive(greeting)) {
      const soft = Math.floor(greeting.code / 100) === 5 && session.settings.skip5xxGreeting;
      return await refused(attempt, session, greeting, soft ? `4${greeting.status.slice(1)}` : undefined);
    }
    await examineGreeting(attempt, session, greeting, deps, loops);
    const smtp = session.settings.protocol === "smtp";
    const hello = smtp ? "EHLO" : "LHLO";
    let reply: ServerReply | undefined;
    if (session.features.esmtp) {
      doing = `performing the ${hello} handshake`;
      session.limit(session.settings.timeouts.helo);
      reply = await session.command(`${hello} ${session.settings.heloName}`);
      if (!isPositive(reply)) {
        if (!smtp || reply.code === 421) return await refused(attempt, session, reply);
        session.features.esmtp = false;
      }
    }
    if (!session.features.esmtp) {
      doing = "performing the HELO handshake";
      session.limit(session.settings.timeouts.helo);
      const plain = await session.command(`HELO ${session.settings.heloName}`);
      if (!isPositive(plain)) return await refused(attempt, session, plain);
      return await secure(attempt, session) !== "failed";
    }
    if (!await readKeywords(attempt, session, reply!, deps, loops)) return false;
    doing = "sending STARTTLS";
    const secured = await secure(attempt, session);
    if (secured === "failed") return false;
    if (secured === "started") {
      // RFC 3207 section 4.2: what the server said in the clear is forgotten.
      doing = `performing the ${hello} handshake`;
      session.limit(session.settings.timeouts.helo);
      const again = await session.command(`${hello} ${session.settings.heloName}`);
      if (!isPositive(again)) return await refused(attempt, session, again);
      if (!await readKeywords(attempt, session, again, deps, loops)) return false;
    }
    return await authenticate(attempt, session, deps.auth);
  } catch (error) {
    await failConversation(attempt, session, error, doing);
    return false;
  }
}

async function refused(
  attempt: Attempt,
  session: Session,
  reply: ServerReply,
  status?: string,
): Promise<false> {
  const reason = `host ${session.named} refused to talk to me: ${oneLine(reply)}`;
  await failSite(attempt, session, reply, reason, status);
  return false;
}

async function examineGreeting(
  attempt: Attempt,
  session: Session,
  greeting: ServerReply,
  deps: HandshakeDeps,
  loops: boolean,
): Promise<void> {
  const { settings, features, log } = session;
  let plainOnly = false;
  if (!GREETING_TEXT.test(greeting.text)) {
    const workarounds = await deps.pixWorkarounds(session.peer.address);
    if (workarounds.length > 0) {
      const list = workarounds.join(" ");
      log.info(`${attempt.request.queueId}: enabling PIX workarounds: ${list} for ${session.relay}`);
    }
    plainOnly = workarounds.includes("disable_esmtp");
    features.pixDelayDotCrLf = workarounds.includes("delay_dotcrlf");
  }
  const words = greeting.text.split(/[ \t\n-]+/).slice(1);
  if (loops && words[0]?.toLowerCase() === settings.myhostname.toLowerCase()) {
    log.warning(`host ${session.relay} greeted me with my own hostname ${settings.myhostname}`);
  }
  features.esmtp = words.slice(1).some((word) => word.toUpperCase() === "ESMTP");
  if (settings.protocol === "lmtp") features.esmtp = true;
  else {
    if (settings.alwaysSendEhlo && !plainOnly) features.esmtp = true;
    if (settings.neverSendEhlo || plainOnly) features.esmtp = false;
  }
}

/** Understands the reply to EHLO. False if it shows that mail would loop. */
async function readKeywords(
  attempt: Attempt,
  session: Session,
  reply: ServerReply,
  deps: HandshakeDeps,
  loops: boolean,
): Promise<boolean> {
  const { settings, log } = session;
  const listed = await deps.discardKeywords(session.peer.address);
  const discarded = new Set(
    (listed?.split(/[\s,]+/) ?? settings.discardKeywords).filter((word) => word !== "")
      .map((word) => word.toUpperCase()),
  );
  if (discarded.size > 0 && !discarded.has("SILENT-DISCARD")) {
    log.info(`discarding EHLO keywords: ${[...discarded].join(" ")}`);
  }
  const features: Features = {
    ...noFeatures(),
    esmtp: true,
    pixDelayDotCrLf: session.features.pixDelayDotCrLf,
  };
  const lines = reply.text.split("\n");
  session.helo = lines[0]?.slice(4).trim().split(/[ \t]/)[0] ?? "";
  if (loops && session.helo.toLowerCase() === settings.myhostname.toLowerCase()) {
    log.warning(`host ${session.relay} replied to HELO/EHLO with my own hostname ${settings.myhostname}`);
    if (session.bestMx) {
      const reason = `mail for ${attempt.request.nexthop} loops back to myself`;
      await failSiteLocally(attempt, session, "5.4.6", reason);
      return false;
    }
  }
  for (const line of lines.slice(1)) {
    const [word = "", ...rest] = line.slice(4).split(/[ \t=]+/).filter((part) => part !== "");
    const keyword = word.toUpperCase();
    if (!discarded.has(keyword)) noteKeyword(session, features, keyword, rest);
  }
  session.features = features;
  return true;
}

function noteKeyword(session: Session, features: Features, keyword: string, rest: readonly string[]): void {
  switch (keyword) {
    case "8BITMIME":
      features.eightBitMime = true;
      break;
    case "PIPELINING":
      features.pipelining = true;
      break;
    case "DSN":
      features.dsn = true;
      break;
    case "SMTPUTF8":
      features.smtputf8 = true;
      break;
    case "STARTTLS":
      features.starttls = true;
      break;
    case "REQUIRETLS":
      features.requireTls = session.tls !== undefined;
      break;
    case "XFORWARD":
      features.xforward = new Set(rest.map((word) => word.toLowerCase()));
      break;
    case "AUTH":
      features.auth = rest.join(" ");
      break;
    case "SIZE":
      features.size = true;
      if (rest[0] === undefined) break;
      if (/^\d+$/.test(rest[0])) features.sizeLimit = Number(rest[0]);
      else session.log.warning(`bad EHLO SIZE limit "${rest[0]}" from ${session.relay}`);
  }
}
