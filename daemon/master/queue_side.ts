/**
 * The queue process: queue manager, pickup, cleanup for what comes from inside, bounce, flush, showq, and the clients
 * that deliver over the network. Its sockets speak Postfix's protocols.
 */
import type { MasterEntry } from "../../core/config/types.ts";
import type { LogName } from "../../core/queue/types.ts";
import { createResolver } from "../../core/dns/mod.ts";
import { KeyStore } from "../../core/tls/mod.ts";
import { createBounce, serveBounce } from "../bounce/mod.ts";
import { type CleanupService, createCleanup, serveCleanup } from "../cleanup/mod.ts";
import {
  type BounceService,
  createRecorder,
  type DeliveryAgent,
  DeliveryChannel,
  serveDelivery,
} from "../delivery/mod.ts";
import { createDiscardAgent } from "../discard/mod.ts";
import { createErrorAgent } from "../error/mod.ts";
import { createFlush, type Flush } from "../flush/mod.ts";
import { createGreylist, type GreylistService, serveGreylist } from "../greylist/mod.ts";
import { createPickup, createSubmission, type Pickup } from "../pickup/mod.ts";
import { createQueueManager, type QueueManager } from "../qmgr/mod.ts";
import { serveRewrite } from "../rewrite/mod.ts";
import { createShowq, listenForUsers, type Showq, userAccess, type UserServer } from "../showq/mod.ts";
import { createSmtpClient, type SmtpClient } from "../smtp/mod.ts";
import { createVerify, probeResults, serveVerify, type Verify } from "../verify/mod.ts";
import { lazyAgent } from "./lazy_agent.ts";
import { receiveHandovers } from "./handover.ts";
import { DELIVERY_SOCKET, GREYLIST_SOCKET, HANDOVER_SOCKET, LISTING_SOCKET } from "./names.ts";
import { roleOf } from "./plan.ts";
import { servePostlog } from "./postlog.ts";
import type { RuntimeContext, Side } from "./runtime.ts";
import { type Snapshot, socketPath, viewOf } from "./snapshot.ts";
import { type ServedSocket, serveSocket, serveTrigger } from "./sockets.ts";

/** Seconds without progress after which a user's command is dropped. */
const USER_IDLE_SECONDS = 60;

/** A queue with more messages than this is listed by two processes. */
const SHARED_LISTING = 1000;

/** What is made anew for each configuration snapshot. */
interface Services {
  readonly snapshot: Snapshot;
  readonly cleanup: CleanupService;
  readonly bounce: BounceService;
  readonly flush: Flush;
  readonly showq: Showq;
  readonly pickup: Pickup;
  readonly verify: Verify;
  readonly greylist: GreylistService;
  /** Agents in this process by service name. */
  readonly agents: ReadonlyMap<string, DeliveryAgent>;
  /** The SMTP and LMTP clients among them, which keep sessions open. */
  readonly clients: readonly { readonly made: SmtpClient | undefined }[];
}

/** The agents that find their services only when they are used stay the same through a reload. */
function forwarding<T extends object>(current: () => T): T {
  return new Proxy({} as T, {
    get(_target, name) {
      const service = current();
      const member = Reflect.get(service, name);
      return typeof member === "function" ? member.bind(service) : member;
    },
  });
}

/** The flags argument of an smtp or lmtp entry: `flags=DORX`. */
function clientFlags(entry: MasterEntry): string {
  return entry.arguments.find((word) => word.startsWith("flags="))?.slice("flags=".length) ?? "";
}

/** Which log the socket of a bounce service stands for. */
function logNameOf(entry: MasterEntry): LogName {
  return entry.name === "defer" || entry.name === "trace" ? entry.name : "bounce";
}

/** Starts the services and their sockets; the queue manager begins to work at once. */
export async function startQueueSide(context: RuntimeContext, first: Snapshot): Promise<Side> {
  const { queue, sink } = context;
  const resolver = createResolver();
  const keyStore = new KeyStore();
  const queueDirectory = first.config.string("queue_directory");

  function createAgent(
    snapshot: Snapshot,
    entry: MasterEntry,
    services: Pick<Services, "bounce" | "flush" | "verify">,
  ) {
    const { config, log } = viewOf(snapshot, entry, sink);
    const recorder = () =>
      createRecorder({
        config,
        queue,
        bounce: services.bounce,
        log,
        flushAdd: (site, id) =>
          void services.flush.add(site, id).catch((error) => log.warning(`flush: ${error.message}`)),
        verify: probeResults(services.verify),
      });
    switch (entry.command) {
      case "smtp":
      case "lmtp": {
        const protocol = entry.command;
        return lazyAgent(() =>
          createSmtpClient({
            config,
            protocol,
            serviceName: entry.name,
            queue,
            recorder: recorder(),
            resolver,
            tables: snapshot.tables,
            log,
            keyStore,
            flags: clientFlags(entry),
            passTo: async (transport, request) =>
              await agentFor(transport)?.deliver(request) ??
                {
                  finished: false,
                  transportTrouble: {
                    status: "4.3.0",
                    reason: "mail transport unavailable",
                    cause: transport,
                  },
                },
          }), log);
      }
      case "error":
        return lazyAgent(() => createErrorAgent({ recorder: recorder(), service: entry.name }), log);
      case "discard":
        return lazyAgent(() => createDiscardAgent({ recorder: recorder() }), log);
    }
    return undefined;
  }

  function createServices(snapshot: Snapshot): Services {
    const { config, tables, rewriting } = snapshot;
    const bounceLog = snapshot.logAs("bounce");
    const flush = createFlush({
      queue,
      config,
      log: snapshot.logAs("flush"),
      tables,
      wakeQueueManager: (request) => manager.trigger(request),
      wakePickup: () => services.pickup.wake(),
    });
    const cleanup: CleanupService = createCleanup({
      config,
      tables,
      queue,
      rewriting,
      log: snapshot.logAs("cleanup"),
      onQueued: (message) => manager.queued(message),
      bounce: forwarding<BounceService>(() => services.bounce),
    });
    const bounce = createBounce({ config, queue, cleanup, log: bounceLog });
    const verify = createVerify({
      config,
      cleanup,
      log: snapshot.logAs("verify"),
      rewrite: (address) => snapshot.addressing.rewriteInternal("local", address),
      tables,
    });
    const greylist = createGreylist({ config, tables, log: snapshot.logAs("greylist") });
    const agents = new Map<string, DeliveryAgent>();
    const clients: { readonly made: SmtpClient | undefined }[] = [];
    for (const entry of snapshot.entries) {
      if (entry.type !== "unix" || roleOf(entry) !== "queue") continue;
      const agent = createAgent(snapshot, entry, { bounce, flush, verify });
      if (agent === undefined) continue;
      // Before root is given up: its tables may be readable to root alone.
      agent.prepare();
      agents.set(entry.name, agent);
      if (entry.command === "smtp" || entry.command === "lmtp") {
        clients.push(agent as { readonly made: SmtpClient | undefined });
      }
    }
    const pickup = createPickup({ config, queue, cleanup, log: snapshot.logAs("pickup") });
    const showq = createShowq({
      queue,
      config,
      log: snapshot.logAs("showq"),
      // The delivery process has nothing better to do, mostly; where all is one process there is nobody to ask.
      ...(context.roles.has("delivery")
        ? {}
        : { helper: { connect: connectListing, after: SHARED_LISTING } }),
    });
    const services: Services = {
      snapshot,
      cleanup,
      bounce,
      flush,
      showq,
      pickup,
      verify,
      greylist,
      agents,
      clients,
    };
    return services;
  }

  function connectListing(): Promise<Deno.UnixConn> {
    return Deno.connect({ transport: "unix", path: `${queueDirectory}/${LISTING_SOCKET}` });
  }

  let current = createServices(first);

  const deliveries = new DeliveryChannel(
    () => Deno.connect({ transport: "unix", path: `${queueDirectory}/${DELIVERY_SOCKET}` }),
    () => sink.flush(),
  );

  /** The agent of a transport: in this process, in the delivery side of this process, or in the delivery process. */
  function agentFor(transport: string): DeliveryAgent | undefined {
    const here = current.agents.get(transport) ?? context.agents.get(transport);
    if (here !== undefined) return here;
    const entry = current.snapshot.entries.find(({ name, type, command }) =>
      name === transport && type === "unix" && ["local", "virtual", "pipe", "spawn"].includes(command)
    );
    return entry === undefined ? undefined : deliveries.agentFor(transport);
  }

  function processLimit(transport: string): number {
    return current.snapshot.entries.find(({ name, type }) => name === transport && type === "unix")
      ?.processLimit ?? 0;
  }

  const manager: QueueManager = createQueueManager({
    config: first.config,
    queue,
    addressing: first.addressing,
    agentFor,
    processLimit,
    bounce: forwarding<BounceService>(() => current.bounce),
    log: first.logAs("qmgr"),
    flushAdd: (site, id) => void current.flush.add(site, id).catch(() => {}),
    verify: probeResults(forwarding<Verify>(() => current.verify)),
  });
  context.local = {
    cleanup: forwarding<CleanupService>(() => current.cleanup),
    bounce: forwarding<BounceService>(() => current.bounce),
    queued: (message) => manager.queued(message),
    flushAdd: (site, id) => void current.flush.add(site, id).catch(() => {}),
    verify: forwarding<Verify>(() => current.verify),
    greylist: forwarding<GreylistService>(() => current.greylist),
  };

  const sockets: ServedSocket[] = [];
  const userServers: UserServer[] = [];
  let postlog: { close(): void } | undefined;
  const timers: ReturnType<typeof setInterval>[] = [];
  const decoder = new TextDecoder("latin1");

  function serve(entry: MasterEntry): void {
    const path = socketPath(first.config, entry);
    const { log } = viewOf(first, entry, sink);
    switch (entry.command) {
      case "pickup":
        sockets.push(serveTrigger(path, () => void current.pickup.wake(), log));
        break;
      case "qmgr":
      case "oqmgr":
        sockets.push(serveTrigger(path, (bytes) => manager.trigger(decoder.decode(bytes)), log));
        break;
      case "cleanup":
        sockets.push(serveSocket(path, (connection) => serveCleanup(connection, current.cleanup), log));
        break;
      case "showq":
        sockets.push(serveSocket(path, (connection) => current.showq.serve(connection), log));
        break;
      case "flush":
        sockets.push(serveSocket(path, (connection) => current.flush.serve(connection), log));
        break;
      case "verify":
        sockets.push(serveSocket(path, (connection) => serveVerify(connection, current.verify), log));
        break;
      case "trivial-rewrite":
        sockets.push(
          serveSocket(
            path,
            (connection) => serveRewrite(connection, { addressing: () => current.snapshot.addressing, log }),
            log,
          ),
        );
        break;
      case "postlogd":
        if (first.config.string("maillog_file") !== "") postlog = servePostlog(path, sink);
        break;
      case "smtp":
      case "lmtp":
      case "error":
      case "discard":
        // The queue manager calls these directly; local(8) in another process hands recipients on.
        sockets.push(serveSocket(path, async (connection) => {
          const agent = current.agents.get(entry.name);
          if (agent !== undefined) await serveDelivery(connection, agent);
        }, log));
        break;
      case "bounce":
        sockets.push(
          serveSocket(
            path,
            (connection) =>
              serveBounce(connection, current.bounce, logNameOf(entry), (text) => log.warning(text)),
            log,
          ),
        );
        break;
    }
    const action = entry.command === "pickup"
      ? () => void current.pickup.wake()
      : entry.command === "flush"
      ? () => void current.flush.refresh()
      : undefined;
    if (action !== undefined && entry.wakeup > 0) timers.push(setInterval(action, entry.wakeup * 1000));
  }

  for (const entry of first.entries) if (entry.type !== "inet" && roleOf(entry) === "queue") serve(entry);
  sockets.push(
    serveSocket(`${queueDirectory}/${HANDOVER_SOCKET}`, (connection) =>
      receiveHandovers(
        connection,
        (message) => manager.queued(message),
        () => manager.trigger("I"),
      ), first.logAs("qmgr")),
  );

  sockets.push(
    serveSocket(
      `${queueDirectory}/${GREYLIST_SOCKET}`,
      (connection) => serveGreylist(connection, current.greylist),
      first.logAs("greylist"),
    ),
  );

  /** The sockets that unprivileged users' commands reach. */
  async function serveUsers(): Promise<void> {
    const log = first.logAs("showq");
    const allowed = (list: "authorized_mailq_users" | "authorized_flush_users") => async (uid: number) =>
      (await userAccess(current.snapshot.config, list, uid, log)).allowed;
    userServers.push(
      await listenForUsers({
        path: `${queueDirectory}/postel/showq`,
        allowed: allowed("authorized_mailq_users"),
        serve: (connection) => current.showq.serve(connection),
        log,
        idleTimeout: USER_IDLE_SECONDS,
      }),
      await listenForUsers({
        path: `${queueDirectory}/postel/flush`,
        allowed: allowed("authorized_flush_users"),
        serve: (connection) => current.flush.serve(connection, true),
        log: first.logAs("flush"),
        idleTimeout: USER_IDLE_SECONDS,
      }),
    );
  }
  await serveUsers();
  const submission = await createSubmission({
    path: `${queueDirectory}/postel/submit`,
    services: () => ({
      config: current.snapshot.config,
      cleanup: current.cleanup,
      tables: current.snapshot.tables,
    }),
    log: first.logAs("postdrop"),
    pickupLog: first.logAs("pickup"),
  });

  manager.start();
  void current.pickup.wake();

  async function finish(seconds: number): Promise<void> {
    for (const timer of timers) clearInterval(timer);
    for (const socket of sockets) socket.close();
    postlog?.close();
    await submission.close();
    await Promise.all(userServers.map((server) => server.close()));
    await manager.stop(seconds);
    deliveries.close();
    await Promise.all(current.clients.map((client) => client.made?.stop(0)));
    current.verify.close();
    current.greylist.close();
  }

  return {
    reload(next) {
      const services = createServices(next);
      return Promise.resolve(() => {
        const old = current;
        current = services;
        old.verify.close();
        old.greylist.close();
        manager.reload({ config: next.config, addressing: next.addressing, agentFor, processLimit });
        for (const client of old.clients) void client.made?.stop(Infinity);
        void current.pickup.wake();
      });
    },
    drain: () => finish(Infinity),
    stop: finish,
  };
}
