/** The way of one delivery request: next hops in turn, their servers in turn, until no recipient is left. */
import { DeliveryFlag } from "../delivery/types.ts";
import type { Attempt } from "./attempt.ts";
import { type Destination, DestinationError, parseDestination } from "./destination.ts";
import { isLoop, isSoft, localDetail } from "./dsn.ts";
import {
  bindAddress,
  type DeliveryContext,
  destinationKey,
  endpoint,
  findPolicy,
  greet,
  type Hop,
  openSession,
  readDemand,
  serverKey,
} from "./hop.ts";
import { type Route, routeDomain, routeHost, type ServerAddress } from "./route.ts";
import type { Message } from "./send_content.ts";
import type { Session } from "./session.ts";
import { transact } from "./transaction.ts";

/** RFC 5321's port: only there can mail loop back to this system's own server. */
const SMTP_PORT = 25;

/** Delivers, and leaves the fate of every recipient recorded. Rejects only on errors in this program. */
export async function runDelivery(
  context: DeliveryContext,
  attempt: Attempt,
  message: Message,
): Promise<void> {
  const { settings, log } = context;
  const first = attempt.request.nexthop.split(/[\s,]+/).filter((hop) => hop !== "");
  const hops = [...first, ...settings.fallbackRelay];
  const used = new Set<string>();
  let at = 0;
  for (; at < hops.length && attempt.left.length > 0; at++) {
    attempt.finalNexthop = at === hops.length - 1;
    const loop = await tryHop(context, attempt, message, hops[at]!, at === 0, used);
    if (loop) attempt.finalNexthop = true;
    if (attempt.finalNexthop) break;
  }
  if (attempt.left.length === 0) return;
  let problem = attempt.why ??
    localDetail("4.3.0", "server unavailable or unable to receive mail");
  if (!isSoft(problem)) {
    const fallback = at >= first.length && hops[at] !== undefined;
    // What looks like a mistake in the configuration must not return mail.
    if (fallback || (settings.protocol === "smtp" && hops[0] === settings.relayhost)) {
      log.warning(`${fallback ? `${settings.protocol}_fallback_relay` : "relayhost"} configuration problem`);
      problem = { ...problem, status: "4.3.5" };
    } else if (isLoop(problem) && context.passOn !== undefined) {
      if (!await context.passOn(attempt)) attempt.finished = false;
      attempt.left = [];
      return;
    }
  }
  attempt.finalServer = true;
  await attempt.failAll("none", problem, true);
  attempt.endSession();
}

/** Tries one next hop. True if mail for it would come back to this system. */
async function tryHop(
  context: DeliveryContext,
  attempt: Attempt,
  message: Message,
  text: string,
  isFirst: boolean,
  used: Set<string>,
): Promise<boolean> {
  const { settings } = context;
  let destination: Destination;
  try {
    destination = readHop(settings.protocol, text, settings.defaultPort);
  } catch (error) {
    if (!(error instanceof DestinationError)) throw error;
    // A next hop that nobody can understand is a matter for the administrator; the mail waits.
    context.log.warning(error.message);
    attempt.why = localDetail("4.3.5", "Server configuration error");
    return false;
  }
  if (!await readDemand(context, attempt, destination)) return false;
  const loops = destination.kind === "inet" && settings.protocol === "smtp" && destination.port === SMTP_PORT;
  const route = destination.kind === "unix" ? undefined : await findRoute(context, destination, loops);
  if (route?.problem !== undefined) {
    attempt.why = route.problem;
    return isLoop(route.problem);
  }
  const { load, store } = await cachePolicy(context, attempt, destination);
  const hop: Hop = {
    destination,
    loops,
    load,
    store,
    label: isFirst && store ? destinationKey(attempt, destination) : undefined,
    plain: new Set(),
    used,
  };
  if (route === undefined) await tryLocal(context, attempt, message, hop);
  else await tryServers(context, attempt, message, hop, route.servers);
  return false;
}

function readHop(protocol: string, text: string, defaultPort: string): Destination {
  if (protocol === "lmtp") {
    if (text.startsWith("unix:")) return { kind: "unix", text, path: text.slice(5) };
    if (text.startsWith("inet:")) return parseDestination(text.slice(5), defaultPort);
  }
  return parseDestination(text, defaultPort);
}

function findRoute(
  context: DeliveryContext,
  destination: Destination & { kind: "inet" },
  loops: boolean,
): Promise<Route> {
  const byMx = context.settings.protocol === "smtp" && !destination.literal &&
    context.settings.dnsSupport !== "disabled";
  return byMx ? routeDomain(context, destination.host, loops) : routeHost(context, destination.host, loops);
}

/** May sessions be taken from and given to the cache? */
async function cachePolicy(context: DeliveryContext, attempt: Attempt, destination: Destination) {
  // A session that logged in for one sender must not carry another's mail (smtp_sender_dependent_authentication).
  if (context.settings.senderDependentLogin) return { load: false, store: false };
  const domain = destination.kind === "unix" ? destination.path : destination.host;
  if (await context.cachesDestination(domain)) return { load: true, store: true };
  const { flags } = attempt.request;
  const onDemand = context.settings.cacheOnDemand;
  return {
    load: onDemand && (flags & DeliveryFlag.CacheLoad) !== 0,
    store: onDemand && (flags & DeliveryFlag.CacheStore) !== 0,
  };
}

/** What counts towards `smtp_mx_session_limit` and `smtp_mx_address_limit`. */
interface Tries {
  sessions: number;
  addresses: number;
}

function limitReached({ settings }: DeliveryContext, tries: Tries): boolean {
  return tries.sessions === settings.mxSessionLimit || tries.addresses === settings.mxAddressLimit;
}

/** The servers that were not tried for this delivery yet. */
function unused(hop: Hop, found: readonly ServerAddress[], port: number): ServerAddress[] {
  return found.filter((server) => !hop.used.has(endpoint(server.address, port)));
}

/** Uses sessions that are open already: those to the destination, then those with its best servers. */
async function tryKept(
  context: DeliveryContext,
  attempt: Attempt,
  message: Message,
  hop: Hop,
  found: readonly ServerAddress[],
  tries: Tries,
): Promise<void> {
  const { port } = hop.destination as Destination & { kind: "inet" };
  const best = found[0]!.preference;
  let servers = unused(hop, found, port);
  const keys = [destinationKey(attempt, hop.destination)];
  for (const server of servers) {
    if (server.preference !== best) continue;
    const policy = await findPolicy(context, attempt, hop, server.host);
    if (policy !== "unknown") keys.push(serverKey(endpoint(server.address, port), policy));
  }
  for (const key of keys) {
    while (attempt.left.length > 0 && servers.length > 0 && !limitReached(context, tries)) {
      const session = context.cache.take(key);
      if (session === undefined) break;
      const place = endpoint(session.peer.address, port);
      hop.used.add(place);
      servers = unused(hop, servers, port);
      tries.sessions += 1;
      tries.addresses += 1;
      attempt.finalServer = attempt.finalNexthop && (servers.length === 0 || limitReached(context, tries));
      const stale = await deliverOver(context, attempt, message, hop, session, true);
      if (!stale) continue;
      // The kept session had ended without our knowing: as if it had never been.
      hop.used.delete(place);
      tries.sessions -= 1;
      tries.addresses -= 1;
      servers = unused(hop, found, port);
    }
  }
}

async function tryServers(
  context: DeliveryContext,
  attempt: Attempt,
  message: Message,
  hop: Hop,
  found: readonly ServerAddress[],
): Promise<void> {
  const { settings } = context;
  const { port } = hop.destination as Destination & { kind: "inet" };
  const best = found[0]!.preference;
  const tries: Tries = { sessions: 0, addresses: 0 };
  if (hop.load) {
    await tryKept(context, attempt, message, hop, found, tries);
    if (attempt.left.length === 0) return;
  }
  const servers = unused(hop, found, port);
  for (let at = 0; at < servers.length && attempt.left.length > 0; at++) {
    const server = servers[at]!;
    tries.addresses += 1;
    let last = at === servers.length - 1 || tries.addresses >= settings.mxAddressLimit;
    const place = endpoint(server.address, port);
    const policy = await findPolicy(context, attempt, hop, server.host);
    if (policy === "unknown") continue;
    const kept = hop.load && server.preference !== best
      ? context.cache.take(serverKey(place, policy))
      : undefined;
    const session = kept ?? await openSession(context, attempt, {
      peer: { host: server.host, address: server.address, port },
      target: { kind: "inet", address: server.address, port, ...bindAddress(context, server) },
      policy: hop.plain.has(place) ? undefined : policy,
    });
    if (session !== undefined) {
      session.bestMx = server.preference === best;
      attempt.finalServer = attempt.finalNexthop && last;
      const ready = kept !== undefined || await greet(context, attempt, hop, session);
      if (!ready && session.retryPlain) {
        // TLS was a wish only: once more to the same server, in the clear.
        hop.plain.add(place);
        at -= 1;
        tries.addresses -= 1;
        continue;
      }
      if (ready) {
        tries.sessions += 1;
        last ||= tries.sessions === settings.mxSessionLimit;
        attempt.finalServer = attempt.finalNexthop && last;
        if (await deliverOver(context, attempt, message, hop, session, kept !== undefined)) at -= 1;
      }
    }
    if (last) break;
  }
}

/** LMTP over a UNIX socket: one server, no alternatives. */
async function tryLocal(
  context: DeliveryContext,
  attempt: Attempt,
  message: Message,
  hop: Hop,
): Promise<void> {
  const { path } = hop.destination as Destination & { kind: "unix" };
  attempt.finalServer = attempt.finalNexthop;
  while (hop.load && attempt.left.length > 0) {
    const kept = context.cache.take(destinationKey(attempt, hop.destination));
    if (kept === undefined) break;
    if (!await deliverOver(context, attempt, message, hop, kept, true)) return;
  }
  const policy = await findPolicy(context, attempt, hop, context.settings.myhostname);
  if (policy === "unknown") return;
  const session = await openSession(context, attempt, {
    peer: { host: context.settings.myhostname, address: path, port: 0 },
    target: {
      kind: "unix",
      path: path.startsWith("/") ? path : `${context.settings.queueDirectory}/${path}`,
    },
    policy,
  });
  if (session === undefined || !await greet(context, attempt, hop, session)) return;
  await deliverOver(context, attempt, message, hop, session, false);
}

/**
 * Runs one transaction and keeps or closes the session. True if the session came from the cache and proved to be dead
 * before the server had seen anything of the message: then nothing was recorded, and the caller goes on.
 */
async function deliverOver(
  context: DeliveryContext,
  attempt: Attempt,
  message: Message,
  hop: Hop,
  session: Session,
  reused: boolean,
): Promise<boolean> {
  const { settings } = context;
  context.active.add(session);
  session.deliveries += 1;
  const keep = hop.store && session.reusable;
  let stale = false;
  try {
    stale = await transact(attempt, session, message, keep, reused) === "stale";
  } finally {
    context.active.delete(session);
    if (keep && session.reusable) {
      const place = endpoint(session.peer.address, session.peer.port);
      const server = serverKey(place, session.tlsPolicy);
      const keys = hop.label === undefined ? [server] : [hop.label, server];
      context.cache.store(session, keys, settings.cacheTimeLimit);
      // Only the first good session stands for the destination, so that later ones to worse servers don't.
      hop.label = undefined;
    } else session.close();
  }
  attempt.endSession();
  return stale;
}
