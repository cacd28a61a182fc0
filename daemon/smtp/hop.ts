/** Sessions for the servers of one next hop: how they must be protected, under which names they are kept, how they open. */
import { canonicalAddress } from "../../core/dns/mod.ts";
import type { CoarseTimer } from "../../core/smtp/mod.ts";
import { type MaybePromise, TableError } from "../../core/table/mod.ts";
import type { Attempt } from "./attempt.ts";
import { ConnectError, openConnection, type Target } from "./connect.ts";
import { DaneError } from "./dane_verdict.ts";
import type { Destination } from "./destination.ts";
import { localDetail } from "./dsn.ts";
import { type HandshakeDeps, shakeHands } from "./handshake.ts";
import type { FindDemand } from "./require_tls.ts";
import type { RouteDeps, ServerAddress } from "./route.ts";
import { type ClientTls, isPolicyTrouble, type TlsPolicy } from "./secure_policy.ts";
import { type Peer, Session } from "./session.ts";
import type { SessionCache } from "./session_cache.ts";
import { demandLabel } from "./tls_demand.ts";

/** What deliveries of one client share. */
export interface DeliveryContext extends RouteDeps, HandshakeDeps {
  readonly timer: CoarseTimer;
  readonly cache: SessionCache;
  /** Sessions with a delivery under way, to end them at shutdown. */
  readonly active: Set<Session>;
  /** Is `smtp_connection_cache_destinations` true for a destination's domain? */
  cachesDestination(domain: string): Promise<boolean> | boolean;
  /** Hands the request to `best_mx_transport`; absent if there is none. True if all recipients are finished. */
  readonly passOn?: (attempt: Attempt) => Promise<boolean>;
  /** Is the conversation with this server to be logged line by line? */
  readonly watches: (peer: Peer) => MaybePromise<boolean>;
  readonly filterLine?: (line: string) => Promise<string | undefined>;
  readonly demandOf: FindDemand;
  /** Absent if TLS is no subject. */
  readonly tls?: ClientTls | undefined;
}

/** What holds for one next hop. */
export interface Hop {
  readonly destination: Destination;
  readonly loops: boolean;
  /** Take kept sessions; keep sessions. */
  readonly load: boolean;
  readonly store: boolean;
  /** The first good session of the delivery is kept under this name too. */
  label: string | undefined;
  /** Servers with which TLS failed and that are tried without. */
  readonly plain: Set<string>;
  /** `address:port` of servers that were used through kept sessions. */
  readonly used: Set<string>;
}

/** How a server of this hop has to be talked to; "unknown" when nobody can say, and then the reason is noted. */
export async function findPolicy(
  context: DeliveryContext,
  attempt: Attempt,
  hop: Hop,
  host: string,
): Promise<TlsPolicy | undefined | "unknown"> {
  if (context.tls === undefined) return undefined;
  const { destination } = hop;
  try {
    const domain = destination.kind === "unix" ? destination.path : destination.host;
    const server = destination.kind === "unix"
      ? undefined
      : { port: destination.port, byMx: !destination.literal };
    return await context.tls.policyFor(destination.text, domain, host, server, attempt.demand);
  } catch (error) {
    if (!isPolicyTrouble(error)) throw error;
    if (error instanceof DaneError) {
      attempt.why = localDetail("4.7.5", error.detail);
      return "unknown";
    }
    context.log.warning(`TLS policy lookup error for ${destination.text}/${host}: ${error.message}`);
    attempt.why = localDetail("4.7.5", "client TLS configuration problem");
    return "unknown";
  }
}

/** Finds out what the message demands of this next hop's servers. False if nobody can say: the mail waits. */
export async function readDemand(
  context: DeliveryContext,
  attempt: Attempt,
  destination: Destination,
): Promise<boolean> {
  const name = destination.kind === "unix" ? destination.path : destination.host;
  try {
    attempt.demand = await context.demandOf(attempt.request.sendopts, name);
    return true;
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    context.log.warning(error.message);
    attempt.why = localDetail("4.7.0", `REQUIRETLS policy lookup error for ${destination.text}`);
    return false;
  }
}

/** The name under which the first good session with a destination is kept. */
export function destinationKey(attempt: Attempt, destination: Destination): string {
  return `dest ${destination.text}${demandLabel(attempt.demand)}`;
}

/** The name under which sessions with a server are kept: only those with equal protection are alike. */
export function serverKey(place: string, policy: TlsPolicy | undefined): string {
  return `addr ${place} ${policy?.id ?? "none"}`;
}

/** One server in sets and keys. */
export function endpoint(address: string, port: number): string {
  return `${address} ${port}`;
}

/** The source address to connect from. */
export function bindAddress(context: DeliveryContext, server: ServerAddress): { bind?: string } {
  const { settings } = context;
  const bind = server.family === 4 ? settings.bindAddress : settings.bindAddress6;
  return bind === "" ? {} : { bind: canonicalAddress(bind.replace(/^\[(.*)\]$/, "$1")) ?? bind };
}

/** Connects. Undefined if that failed; the reason is noted. */
export async function openSession(
  context: DeliveryContext,
  attempt: Attempt,
  { peer, target, policy }: { peer: Peer; target: Target; policy: TlsPolicy | undefined },
): Promise<Session | undefined> {
  const { settings, log, timer } = context;
  try {
    const connection = await openConnection(target, settings.timeouts.connect);
    const session = new Session(peer, connection, timer, settings, log, context.filterLine);
    session.tlsPolicy = policy;
    session.verbose = await context.watches(peer);
    return session;
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const place = `${peer.host}[${peer.address}]${peer.port === 0 ? "" : `:${peer.port}`}`;
    attempt.why = localDetail("4.4.1", `connect to ${place}: ${error.message}`);
    if (peer.port !== 0) log.info(attempt.why.reason);
    return undefined;
  }
}

/** Greets, with TLS and login as the policy wants. False if that failed; the reason is noted and the session closed. */
export async function greet(
  context: DeliveryContext,
  attempt: Attempt,
  hop: Hop,
  session: Session,
): Promise<boolean> {
  context.active.add(session);
  try {
    if (await shakeHands(attempt, session, context, hop.loops)) return true;
  } catch (error) {
    session.close();
    context.active.delete(session);
    throw error;
  }
  context.active.delete(session);
  session.close();
  attempt.endSession();
  return false;
}
