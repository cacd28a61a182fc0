/**
 * A front process: SMTP servers and cleanup, from the socket to the synced queue file without a hop. The queue manager
 * hears of each message over the hand-over socket, or directly when it shares the process.
 */
import { statfs } from "node:fs/promises";
import { ConfigError, type MasterEntry } from "../../core/config/mod.ts";
import { createResolver } from "../../core/dns/mod.ts";
import { messageOf } from "../../core/errors/mod.ts";
import type { Logger } from "../../core/log/mod.ts";
import { CoarseTimer } from "../../core/smtp/mod.ts";
import { takeNewConnections } from "../../core/system/mod.ts";
import { KeyStore } from "../../core/tls/mod.ts";
import { type Anvil, createAnvil } from "../anvil/mod.ts";
import { createBounceClient } from "../bounce/mod.ts";
import { askFlush, FlushStatus } from "../flush/mod.ts";
import { createGreylistClient } from "../greylist/mod.ts";
import { createSmtpd, type FlushResult, type Smtpd } from "../smtpd/mod.ts";
import { createVerifyClient } from "../verify/mod.ts";
import { cleanupsOf } from "./cleanups.ts";
import { HandoverSender } from "./handover.ts";
import { type Endpoint, endpointsOf, endpointText, listenOn } from "./listen.ts";
import { GREYLIST_SOCKET, HANDOVER_SOCKET } from "./names.ts";
import type { RuntimeContext, Side } from "./runtime.ts";
import { roleOf } from "./plan.ts";
import type { Snapshot } from "./snapshot.ts";

/** Seconds that a question to the greylist may take. */
const GREYLIST_TIMEOUT = 20;
/**
 * How long a process that has a successor goes on accepting, in milliseconds: connections that the kernel gave it before
 * the successor took over would be reset.
 */
const LAST_CONNECTIONS = 500;
/** Milliseconds for which an answer about free disk space is good. */
const FREE_SPACE_AGE = 1000;

/** A service of master.cf that listens. */
interface Listening {
  readonly key: string;
  readonly listener: Deno.TcpListener;
  /** Serves new connections; exchanged by a reload. */
  service: Service;
  /** Set while the service is full: called when a session ends. */
  sessionEnded?: () => void;
}

interface Service {
  readonly smtpd: Smtpd;
  readonly limit: number;
  readonly log: Logger;
}

/** Free bytes of a file system, asked at most once a second. */
function freeSpaceOf(directory: string): () => Promise<number> {
  let known: Promise<number> | undefined;
  let asked = 0;
  return () => {
    if (known === undefined || performance.now() - asked > FREE_SPACE_AGE) {
      asked = performance.now();
      known = statfs(directory).then(({ bavail, bsize }) => bavail * bsize);
    }
    return known;
  };
}

/** Closes a listener that may be closed already. */
function closeListener(listener: Deno.TcpListener): void {
  try {
    listener.close();
  } catch {
    // It was drained before.
  }
}

/** Starts the listeners. Throws `ConfigError` when an address can't be had, with the line of master.cf. */
export function startFrontSide(context: RuntimeContext, first: Snapshot): Promise<Side> {
  const queueDirectory = first.config.string("queue_directory");
  const sender = context.local.queued === undefined
    ? new HandoverSender(`${queueDirectory}/${HANDOVER_SOCKET}`, () => context.sink.flush())
    : undefined;
  const onQueued = context.local.queued ?? ((message) => sender!.send(message));
  const resolver = createResolver();
  const timer = new CoarseTimer();
  const keyStore = new KeyStore();
  const freeSpace = freeSpaceOf(queueDirectory);
  const listening = new Map<string, Listening>();
  const verifyClient = context.local.verify === undefined
    ? createVerifyClient(
      `${queueDirectory}/private/${first.config.string("address_verify_service_name")}`,
      first.config.seconds("ipc_timeout"),
    )
    : undefined;
  const greylistClient = context.local.greylist === undefined
    ? createGreylistClient(`${queueDirectory}/${GREYLIST_SOCKET}`, GREYLIST_TIMEOUT)
    : undefined;
  const anvil: Anvil = createAnvil(first.views.ofProgram("anvil"));
  let finishing = false;
  /** In a process of its own, which a successor replaces at a reload. */
  const separate = context.roles.size === 1;

  function createServices(
    snapshot: Snapshot,
  ): Map<string, { endpoint: Endpoint; service: Service; entry: MasterEntry }> {
    const bounce = context.local.bounce ?? createBounceClient(`${queueDirectory}/private`);
    const cleanups = cleanupsOf(snapshot, { queue: context.queue, onQueued, bounce });
    const services = new Map<string, { endpoint: Endpoint; service: Service; entry: MasterEntry }>();
    for (const entry of snapshot.entries) {
      if (entry.type !== "inet" || roleOf(entry) !== "front") continue;
      const { config, addressing, log } = snapshot.views.of(entry);
      const smtpd = createSmtpd({
        config,
        entry,
        tables: snapshot.tables,
        addressing,
        cleanup: cleanups.for(config),
        anvil,
        log,
        resolver,
        freeSpace,
        timer,
        keyStore,
        ...(context.requestReplacement === undefined
          ? {}
          : { requestReplacement: context.requestReplacement }),
        flushSite: (site) => flushSite(site),
        verify: context.local.verify ?? verifyClient!,
        greylist: context.local.greylist ?? greylistClient!,
      });
      const service = { smtpd, limit: entry.processLimit, log };
      for (const endpoint of endpointsOf(entry, config)) {
        const place = endpointText(endpoint);
        if (services.has(place)) {
          throw new ConfigError(
            `${entry.origin.file}: line ${entry.origin.line}: ${place} is the address of two services: ` +
              "give one of them another port",
            entry.origin,
          );
        }
        services.set(place, { endpoint, service, entry });
      }
    }
    return services;
  }

  /** ETRN: the flush service decides, in this process or behind its socket. */
  async function flushSite(site: string): Promise<FlushResult> {
    const connection = await Deno.connect({ transport: "unix", path: `${queueDirectory}/public/flush` })
      .catch(() => undefined);
    if (connection === undefined) return "failed";
    try {
      const status = await askFlush(connection, { request: "send_site", site });
      if (status === FlushStatus.Ok) return "ok";
      return status === FlushStatus.Bad ? "bad" : status === FlushStatus.Denied ? "denied" : "failed";
    } catch {
      return "failed";
    } finally {
      connection.close();
    }
  }

  async function accept(place: Listening): Promise<void> {
    for (;;) {
      let connection: Deno.TcpConn;
      try {
        connection = await place.listener.accept();
      } catch (error) {
        if (finishing || listening.get(place.key) !== place) return;
        place.service.log.warning(
          `accept on ${place.key}: ${messageOf(error)}`,
        );
        await new Promise((done) => setTimeout(done, 100));
        continue;
      }
      connection.setNoDelay(true);
      const { smtpd, limit } = place.service;
      void smtpd.serve(connection).finally(() => place.sessionEnded?.());
      // At the limit, further clients wait in the kernel as they do with Postfix.
      while (limit > 0 && place.service.smtpd.sessions >= limit) {
        await new Promise<void>((resolve) => place.sessionEnded = resolve);
        delete place.sessionEnded;
      }
    }
  }

  function open(services: ReturnType<typeof createServices>): Listening[] {
    const opened: Listening[] = [];
    try {
      for (const [key, { endpoint, service, entry }] of services) {
        if (listening.has(key)) continue;
        opened.push({ key, listener: listenOn(endpoint, entry, separate), service });
      }
      // A predecessor may still listen there: from here on new clients come to this process.
      if (separate) takeNewConnections();
    } catch (error) {
      for (const { listener } of opened) listener.close();
      throw error;
    }
    return opened;
  }

  function putIntoForce(services: ReturnType<typeof createServices>, opened: Listening[]): void {
    for (const place of opened) {
      listening.set(place.key, place);
      void accept(place);
    }
    for (const [key, place] of listening) {
      const replacement = services.get(key);
      if (replacement !== undefined) {
        place.service = replacement.service;
        continue;
      }
      listening.delete(key);
      place.listener.close();
    }
  }

  async function finish(seconds: number): Promise<void> {
    finishing = true;
    const places = [...listening.values()];
    for (const { listener } of places) listener.close();
    await Promise.all(
      [...new Set(places.map(({ service }) => service.smtpd))].map((smtpd) => smtpd.stop(seconds)),
    );
    anvil.close();
    sender?.close();
    verifyClient?.close();
    greylistClient?.close();
  }

  /** Takes no new sessions and waits until the last one has ended by itself. */
  async function drain(): Promise<void> {
    await new Promise((done) => setTimeout(done, LAST_CONNECTIONS));
    finishing = true;
    const places = [...listening.values()];
    for (const { listener } of places) closeListener(listener);
    while (places.some(({ service }) => service.smtpd.sessions > 0)) {
      await new Promise((done) => setTimeout(done, 100));
    }
    await finish(0);
  }

  const initial = createServices(first);
  putIntoForce(initial, open(initial));

  return Promise.resolve({
    reload(next) {
      const services = createServices(next);
      let opened: Listening[];
      try {
        opened = open(services);
      } catch (error) {
        if (context.requestReplacement === undefined) throw error;
        // This process has given up root; a successor can take the port.
        context.requestReplacement(messageOf(error));
        opened = [];
      }
      return Promise.resolve(() => putIntoForce(services, opened));
    },
    drain,
    stop: finish,
  });
}
