/** The services of the queue process that a configuration snapshot decides about, and the agents that deliver in it. */
import type { Config, MasterEntry } from "../../core/config/types.ts";
import type { Resolver } from "../../core/dns/mod.ts";
import type { Queue } from "../../core/queue/mod.ts";
import type { KeyStore } from "../../core/tls/mod.ts";
import { createBounce, joinBounceServices } from "../bounce/mod.ts";
import type { CleanupService } from "../cleanup/mod.ts";
import { type BounceService, createRecorder, type DeliveryAgent } from "../delivery/mod.ts";
import { createDiscardAgent } from "../discard/mod.ts";
import { createErrorAgent } from "../error/mod.ts";
import { createFlush, type Flush } from "../flush/mod.ts";
import { createGreylist, type GreylistService } from "../greylist/mod.ts";
import { createPickup, type Pickup } from "../pickup/mod.ts";
import type { QueueManager } from "../qmgr/mod.ts";
import { createShowq, type Showq } from "../showq/mod.ts";
import { createSmtpClient, type SmtpClient } from "../smtp/mod.ts";
import { AddressStatus, createVerify, probeResults, type Verify } from "../verify/mod.ts";
import { type Cleanups, cleanupsOf } from "./cleanups.ts";
import { lazyAgent } from "./lazy_agent.ts";
import { roleOf } from "./plan.ts";
import type { Snapshot } from "./snapshot.ts";

/** A queue with more messages than this is listed by two processes. */
const SHARED_LISTING = 1000;

/** What is made anew for each configuration snapshot. */
export interface QueueServices {
  readonly snapshot: Snapshot;
  /** The one that main.cf names. */
  readonly cleanup: CleanupService;
  readonly cleanups: Cleanups;
  readonly bounce: BounceService;
  readonly flush: Flush;
  readonly showq: Showq;
  readonly pickup: Pickup;
  /** The settings of pickup's entry of master.cf. */
  readonly pickupConfig: Config;
  readonly verify: Verify;
  readonly greylist: GreylistService;
  /** Agents in this process by service name. */
  readonly agents: ReadonlyMap<string, DeliveryAgent>;
  /** The SMTP and LMTP clients among them, which keep sessions open. */
  readonly clients: readonly { readonly made: SmtpClient | undefined }[];
}

/** What outlives the snapshots. */
export interface QueueServicesDeps {
  readonly queue: Queue;
  readonly resolver: Resolver;
  readonly keyStore: KeyStore;
  /** Made after the first services. */
  readonly manager: () => QueueManager;
  /** The agent of a transport, wherever it works. */
  readonly agentFor: (transport: string) => DeliveryAgent | undefined;
  /**
   * The delivery process, for a share of long listings: it has nothing better to do, mostly. Absent where all is one
   * process.
   */
  readonly connectListing: (() => Promise<Deno.UnixConn>) | undefined;
}

/** The agents that find their services only when they are used stay the same through a reload. */
export function forwarding<T extends object>(current: () => T): T {
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

/** The agent of a master.cf entry that delivers in this process; undefined for other entries. */
function createAgent(
  deps: QueueServicesDeps,
  snapshot: Snapshot,
  entry: MasterEntry,
  services: Pick<QueueServices, "bounce" | "flush" | "verify">,
) {
  const { queue, resolver, keyStore } = deps;
  const { config, log } = snapshot.views.of(entry);
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
            await deps.agentFor(transport)?.deliver(request) ??
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

/** bounce, defer and trace: one service, unless their entries have settings of their own. */
function createBounceServices(snapshot: Snapshot, queue: Queue, cleanups: Cleanups): BounceService {
  const create = (name?: string) => {
    const { config, log } = snapshot.views.ofProgram("bounce", name);
    return createBounce({ config, queue, cleanup: cleanups.for(config), log });
  };
  const own = snapshot.entries.some(({ command, overrides }) => command === "bounce" && overrides.length > 0);
  if (!own) return create();
  return joinBounceServices({ bounce: create("bounce"), defer: create("defer"), trace: create("trace") });
}

/** Makes the services for a snapshot. Throws `ConfigError` or `TableError` where it can't be used. */
export function createQueueServices(deps: QueueServicesDeps, snapshot: Snapshot): QueueServices {
  const { queue } = deps;
  const { config, tables } = snapshot;
  const flushView = snapshot.views.ofProgram("flush");
  const flush = createFlush({
    queue,
    config: flushView.config,
    log: flushView.log,
    tables,
    wakeQueueManager: (request) => deps.manager().trigger(request),
    wakePickup: () => services.pickup.wake(),
  });
  const cleanups = cleanupsOf(snapshot, {
    queue,
    onQueued: (message) => deps.manager().queued(message),
    bounce: forwarding<BounceService>(() => services.bounce),
    deliverable: (address, text) => verify.update(address, { status: AddressStatus.Deliverable, text }),
  });
  const cleanup = cleanups.for(config);
  const bounce = createBounceServices(snapshot, queue, cleanups);
  const verifyView = snapshot.views.ofProgram("verify");
  const verify = createVerify({
    config: verifyView.config,
    cleanup: cleanups.for(verifyView.config),
    log: verifyView.log,
    rewrite: (address) => snapshot.addressing.rewriteInternal("local", address),
    tables,
  });
  const greylist = createGreylist({ config, tables, log: snapshot.logAs("greylist") });
  const agents = new Map<string, DeliveryAgent>();
  const clients: { readonly made: SmtpClient | undefined }[] = [];
  for (const entry of snapshot.entries) {
    if (entry.type !== "unix" || roleOf(entry) !== "queue") continue;
    const agent = createAgent(deps, snapshot, entry, { bounce, flush, verify });
    if (agent === undefined) continue;
    // Before root is given up: its tables may be readable to root alone.
    agent.prepare();
    agents.set(entry.name, agent);
    if (entry.command === "smtp" || entry.command === "lmtp") {
      clients.push(agent as { readonly made: SmtpClient | undefined });
    }
  }
  const pickupView = snapshot.views.ofProgram("pickup");
  const pickup = createPickup({
    config: pickupView.config,
    queue,
    cleanup: cleanups.for(pickupView.config),
    log: pickupView.log,
  });
  const showqView = snapshot.views.ofProgram("showq");
  const showq = createShowq({
    queue,
    config: showqView.config,
    log: showqView.log,
    ...(deps.connectListing === undefined
      ? {}
      : { helper: { connect: deps.connectListing, after: SHARED_LISTING } }),
  });
  const services: QueueServices = {
    snapshot,
    cleanup,
    pickupConfig: pickupView.config,
    cleanups,
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
