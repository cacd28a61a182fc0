import { stackOf } from "../../core/errors/mod.ts";
import { CoarseTimer, reply, SmtpStream, SmtpStreamError } from "../../core/smtp/mod.ts";
import { preloadTls } from "../../core/tls/mod.ts";
import { filterReplies } from "../../core/dns/mod.ts";
import { readServerAuth } from "./auth_settings.ts";
import { AccessLists, canonicalAddresses } from "./access/lists.ts";
import { type Client, type Endpoints, endpointsOf, identifyClient } from "./client.ts";
import { converse } from "./conversation.ts";
import { type Service, Session } from "./session.ts";
import { readSettings } from "./settings.ts";
import { readServerTls } from "./starttls_settings.ts";
import type { Smtpd, SmtpdConnection, SmtpdDeps } from "./types.ts";
import { readUpstreamHeader, UpstreamProxyError, withInput } from "./upstream_proxy.ts";

/** Free space is asked for at most this often, in milliseconds. */
const SPACE_CHECK_INTERVAL = 1000;
/** Room for a message is needed this many times, as cleanup and delivery may need copies. */
const SPACE_FACTOR = 1.5;

/**
 * Makes an SMTP service for one configuration snapshot. Throws `ConfigError` or `TableError` when the configuration
 * can't be used.
 */
export function createSmtpd(deps: SmtpdDeps): Smtpd {
  const timer = deps.timer ?? new CoarseTimer();
  // Once for both forms of the service: by the time of stress, root's rights to read keys are gone.
  const tls = readServerTls(deps);
  if (tls?.server !== undefined) void preloadTls();
  const auth = readServerAuth(deps, tls?.required === true);
  const build = (stress: boolean): Service => ({
    ...createService(stress ? { ...deps, config: deps.config.with([["stress", "yes"]]) } : deps, timer),
    tls,
    auth,
  });
  const normal = build(false);
  let stressed: Service | undefined;
  const limit = deps.entry.processLimit;
  let serial = 0;
  const sessions = new Set<Conversation>();
  const waiting: (() => void)[] = [];
  let stopping = false;

  /** Waits until there is a free place, as clients of Postfix do in the listen queue. */
  async function takePlace(conversation: Conversation): Promise<void> {
    if (limit > 0 && sessions.size >= limit) await new Promise<void>((go) => waiting.push(go));
    sessions.add(conversation);
  }

  return {
    get sessions() {
      return sessions.size + waiting.length;
    },
    async serve(connection) {
      const conversation = new Conversation(connection, timer, deps, serial++);
      await takePlace(conversation);
      try {
        if (stopping) conversation.stop();
        const busy = limit > 0 && sessions.size >= limit;
        if (busy) stressed ??= build(true);
        await conversation.run(busy && stressed !== undefined ? stressed : normal);
      } finally {
        sessions.delete(conversation);
        waiting.shift()?.();
      }
    },
    async stop(seconds) {
      stopping = true;
      for (const conversation of sessions) conversation.stop();
      const end = performance.now() + seconds * 1000;
      while (sessions.size > 0 && performance.now() < end) {
        await new Promise((done) => setTimeout(done, 20));
      }
      for (const conversation of sessions) conversation.abort();
      auth?.server?.close();
      normal.access.close();
      stressed?.access.close();
    },
  };
}

/** What the sessions of a service share. Throws `ConfigError` or `TableError`. */
export function createService(given: SmtpdDeps, timer: CoarseTimer): Service {
  const deps = withReplyFilter(given);
  return {
    deps,
    settings: readSettings(deps.config, deps.tables),
    access: new AccessLists(
      deps.config,
      deps.tables,
      canonicalAddresses(interfaceAddresses(deps)),
      deps.log,
      timer,
    ),
    name: deps.entry.name,
    hasSpace: spaceCheck(deps),
  };
}

/** The same with a resolver that `smtpd_dns_reply_filter` stands in front of, if it names any tables. */
function withReplyFilter(deps: SmtpdDeps): SmtpdDeps {
  const name = "smtpd_dns_reply_filter";
  const tables = deps.tables.list(deps.config.string(name), { foldCase: true }, name);
  if (deps.resolver === undefined || tables.isEmpty) return deps;
  return { ...deps, resolver: filterReplies(deps.resolver, { tables, name, log: deps.log }) };
}

/** What the postmaster is told of a session that ended before its time. */
const ABORTED: Readonly<Record<SmtpStreamError["kind"] | "fault", string>> = {
  lost: "lost connection",
  timeout: "timeout",
  closed: "service shutting down",
  fault: "internal error",
};

/** A connection and what becomes of it. */
class Conversation {
  readonly #stream: SmtpStream;
  #session: Session | undefined;
  #stopped = false;

  constructor(
    private readonly connection: SmtpdConnection,
    timer: CoarseTimer,
    private readonly deps: SmtpdDeps,
    private readonly serial: number,
  ) {
    this.#stream = new SmtpStream(connection, timer);
  }

  /** Asks the session to end when it is idle. */
  stop(): void {
    this.#stopped = true;
    if (this.#session !== undefined && this.#session.transaction === undefined) this.#stream.interrupt();
  }

  /** Ends the session now. */
  abort(): void {
    this.#stream.close();
  }

  async run(service: Service): Promise<void> {
    try {
      const { settings } = service;
      const proxied = settings.upstreamProxyTimeout === undefined
        ? undefined
        : await this.#proxiedEnds(service, settings.upstreamProxyTimeout);
      // Under TLS from the start, the handshake reads for itself.
      if (proxied === undefined && service.tls?.wrapper !== true) this.#stream.readAhead();
      const ends = proxied === undefined || proxied === "broken" ? endpointsOf(this.connection) : proxied;
      const client = await identifyClient(ends, {
        resolver: this.deps.resolver,
        lookupNames: settings.lookupNames,
        showPort: settings.showPort,
        log: this.deps.log,
      });
      this.deps.log.info(`connect from ${client.label}`, "connect", clientFields(client));
      const session = this.#session = new Session(service, this.#stream, client, this.serial);
      try {
        if (this.#stopped) this.#stream.interrupt();
        if (proxied === "broken") {
          await this.#farewell(session, "4.3.0", `${settings.hostname} Server local error`);
        } else await converse(session);
      } catch (error) {
        await this.#explain(session, error);
      } finally {
        session.reset();
        await session.transcript?.flush(session);
        if (session.counted !== undefined) service.deps.anvil.disconnect(service.name, session.counted);
        this.deps.log.info(
          `disconnect from ${session.client.label} ${session.counts}`,
          "disconnect",
          clientFields(session.client),
        );
      }
    } catch (error) {
      this.deps.log.error(
        `session ended: ${stackOf(error)}`,
      );
    } finally {
      this.#stream.close();
    }
  }

  /** Whose connection the proxy in front hands on. */
  async #proxiedEnds(service: Service, seconds: number): Promise<Endpoints | undefined | "broken"> {
    const stream = this.#stream;
    try {
      const ends = await readUpstreamHeader(stream, service.settings.families, seconds);
      if (service.tls?.wrapper === true && stream.buffered > 0) {
        stream.switchChannel(withInput(stream.channel, stream.take()));
      }
      return ends ?? endpointsOf(this.connection);
    } catch (error) {
      if (!(error instanceof UpstreamProxyError)) throw error;
      this.deps.log.warning(`haproxy read: ${error.message}`);
      return "broken";
    }
  }

  /** Logs why a session ended early, and tells the client where that is possible. */
  async #explain(session: Session, error: unknown): Promise<void> {
    const kind = error instanceof SmtpStreamError ? error.kind : "fault";
    const { label } = session.client;
    const { hostname } = session.settings;
    const { transaction } = session;
    const received = (transaction?.content?.size ?? 0) + (transaction?.unfinished.length ?? 0);
    const progress = session.receiving === undefined ? "" : ` (${received} bytes)`;
    if (session.transcript !== undefined) session.transcript.abortReason = ABORTED[kind];
    const place = `after ${session.receiving ?? session.where}${progress} from ${label}`;
    if (kind === "lost") {
      this.deps.log.info(`${session.id}: lost connection ${place}`, "lost_connection");
      return;
    }
    if (kind === "timeout") {
      this.deps.log.info(`${session.id}: timeout ${place}`, "timeout");
      await this.#farewell(session, `4.4.2`, `${hostname} Error: timeout exceeded`);
    } else if (kind === "closed") {
      await this.#farewell(session, `4.3.2`, `${hostname} Service shutting down`);
    } else {
      const detail = stackOf(error);
      this.deps.log.error(`${session.id}: internal error ${place}: ${detail}`);
      await this.#farewell(session, `4.3.0`, `${hostname} Error: internal error`);
    }
  }

  /** A last reply, for which the client gets a few seconds. */
  async #farewell(session: Session, enhanced: string, text: string): Promise<void> {
    try {
      session.reply(reply(421, enhanced, text));
      this.#stream.setTimeout(5);
      await session.flush();
    } catch (error) {
      // Nobody is there to hear it.
      if (!(error instanceof SmtpStreamError)) throw error;
    }
  }
}

/** The client as structured log lines have it. */
function clientFields(client: Client) {
  return {
    client: client.label,
    clientName: client.name,
    clientAddress: client.address,
    clientPort: client.port,
  };
}

/** Asks for free space now and then and warns when there is too little (`queue_minfree`). */
function spaceCheck(deps: SmtpdDeps): () => Promise<boolean> {
  const minFree = deps.config.int("queue_minfree");
  const sizeLimit = deps.config.int("message_size_limit");
  let enough = true;
  let asked = -Infinity;
  return async () => {
    const now = performance.now();
    if (now - asked < SPACE_CHECK_INTERVAL) return enough;
    asked = now;
    const free = await deps.freeSpace();
    enough = free > minFree && free / SPACE_FACTOR > sizeLimit;
    if (!enough) {
      deps.log.warning(
        `not enough free space in mail queue: ${free} bytes < ${SPACE_FACTOR}*message size limit`,
      );
    }
    return enough;
  };
}

/** The addresses that `inet_interfaces` and `proxy_interfaces` name. */
function interfaceAddresses(deps: SmtpdDeps): string[] {
  const addresses = [...deps.config.list("proxy_interfaces")];
  for (const item of deps.config.list("inet_interfaces")) {
    if (item === "all") addresses.push(...Deno.networkInterfaces().map((each) => each.address));
    else if (item === "loopback-only" || item.toLowerCase() === "localhost") {
      addresses.push("127.0.0.1", "::1");
    } else addresses.push(item.replace(/^\[(.*)\]$/, "$1"));
  }
  return addresses;
}
