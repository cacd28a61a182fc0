/**
 * The delivery process: agents that act with recipients' rights, each behind its socket in Postfix's delivery protocol.
 */
import type { Config, MasterEntry } from "../../core/config/types.ts";
import { dropSupplementaryGroups } from "../../core/system/mod.ts";
import { createBounceClient } from "../bounce/mod.ts";
import { createCleanupClient, type RemoteCleanup } from "../cleanup/mod.ts";
import {
  type BounceService,
  createRecorder,
  createRemoteAgent,
  type DeliveryAgent,
  filteredRecorder,
  serveDelivery,
  serveDeliveryChannel,
  type WireLevel,
} from "../delivery/mod.ts";
import { createLocal } from "../local/mod.ts";
import { createPipe } from "../pipe/mod.ts";
import { createVerifyClient, probeResults } from "../verify/mod.ts";
import { createVirtual } from "../virtual/mod.ts";
import { lazyAgent } from "./lazy_agent.ts";
import { DELIVERY_SOCKET, LISTING_SOCKET } from "./names.ts";
import { isRoot } from "./privileges.ts";
import type { RuntimeContext, Side } from "./runtime.ts";
import { roleOf } from "./plan.ts";
import { type Snapshot, socketPath } from "./snapshot.ts";
import { type ServedSocket, serveSocket } from "./sockets.ts";
import { createSpawnServices, SpawnSockets } from "./spawn_sockets.ts";

/** Makes the agent of one entry of master.cf; undefined for a program of another process. */
function createAgent(
  context: RuntimeContext,
  snapshot: Snapshot,
  entry: MasterEntry,
): DeliveryAgent | undefined {
  const view = snapshot.views.of(entry);
  const { config, log } = view;
  const { queue } = context;
  const bounce = context.local.bounce ?? createBounceClient(`${config.string("queue_directory")}/private`);
  const { flushAdd } = context.local;
  const verify = context.local.verify ??= createVerifyClient(
    `${config.string("queue_directory")}/private/${config.string("address_verify_service_name")}`,
    config.seconds("ipc_timeout"),
  );
  const filter = `${entry.command}_delivery_status_filter`;
  const recorderWith = (service: BounceService) =>
    filteredRecorder(
      createRecorder({
        config,
        queue,
        bounce: service,
        log,
        ...(flushAdd === undefined ? {} : { flushAdd }),
        verify: probeResults(verify),
      }),
      snapshot.tables.list(config.string(filter), {}, filter),
      log,
    );
  const deps = () => ({
    config,
    queue,
    addressing: view.addressing,
    tables: snapshot.tables,
    recorder: recorderWith(bounce),
    log,
    service: entry.name,
    sync: context.sync,
  });
  switch (entry.command) {
    case "local":
      return lazyAgent(() =>
        createLocal({
          ...deps(),
          bounce,
          recorderWith,
          beginMessage: (flags) => (context.local.cleanup?.(config) ?? remoteCleanup(config)).begin(flags),
          agentFor: (transport) => context.agents.get(transport) ?? remoteAgent(snapshot, transport),
        }), log);
    case "virtual":
      return lazyAgent(() => createVirtual(deps()), log);
    case "pipe":
      return lazyAgent(() => createPipe({ ...deps(), entry }), log);
  }
  return undefined;
}

/** Where forwarded mail goes when cleanup is in another process. */
function remoteCleanup(config: Config): RemoteCleanup {
  return createCleanupClient(
    `${config.string("queue_directory")}/public/${config.string("cleanup_service_name")}`,
  );
}

/** A transport of another process. */
function remoteAgent({ config }: Snapshot, transport: string): DeliveryAgent {
  const path = `${config.string("queue_directory")}/private/${transport}`;
  return createRemoteAgent(path, config.string("postel_wire_level") as WireLevel);
}

function createAgents(context: RuntimeContext, snapshot: Snapshot): Map<string, DeliveryAgent> {
  const agents = new Map<string, DeliveryAgent>();
  for (const entry of snapshot.entries) {
    if (roleOf(entry) !== "delivery") continue;
    const agent = createAgent(context, snapshot, entry);
    if (agent !== undefined) agents.set(entry.name, agent);
  }
  return agents;
}

/** Starts the agents and their sockets. */
export function startDeliverySide(context: RuntimeContext, snapshot: Snapshot): Promise<Side> {
  const sockets = new Map<string, ServedSocket>();
  const spawning = new SpawnSockets(counted);
  let underWay = 0;
  let idle: (() => void) | undefined;

  /** Counts what is under way, so that an orderly end can wait for it. */
  async function counted(work: Promise<void>): Promise<void> {
    underWay += 1;
    try {
      await work;
    } finally {
      underWay -= 1;
      if (underWay === 0) idle?.();
    }
  }

  function put(agents: Map<string, DeliveryAgent>, current: Snapshot): void {
    context.agents.clear();
    for (const [name, agent] of agents) context.agents.set(name, agent);
    for (const entry of current.entries) {
      if (!agents.has(entry.name)) continue;
      const path = socketPath(current.config, entry);
      if (sockets.has(path)) continue;
      const { log } = current.views.of(entry);
      sockets.set(
        path,
        serveSocket(path, async (connection) => {
          const agent = context.agents.get(entry.name);
          if (agent === undefined) return;
          await counted(serveDelivery(connection, agent, () => context.sink.flush()));
        }, log),
      );
    }
  }

  // In a process of its own, which is root's.
  if (context.roles.size === 1 && isRoot()) dropSupplementaryGroups();
  put(createAgents(context, snapshot), snapshot);
  spawning.put(snapshot, createSpawnServices(snapshot));
  const channel = context.roles.has("queue") ? undefined : serveSocket(
    `${snapshot.config.string("queue_directory")}/${DELIVERY_SOCKET}`,
    (connection) =>
      serveDeliveryChannel(connection, {
        agentFor: (transport) => context.agents.get(transport),
        counted: (delivery) => void counted(delivery),
        // The queue manager logs the end of a message when it hears of it: the deliveries come first.
        beforeReply: () => context.sink.flush(),
      }),
    snapshot.logAs("master"),
  );

  let current = snapshot;
  const listing = context.roles.has("queue") ? undefined : serveSocket(
    `${snapshot.config.string("queue_directory")}/${LISTING_SOCKET}`,
    async (connection) => {
      const { serveListingShare } = await import("../showq/mod.ts");
      const { config, log } = current.views.ofProgram("showq");
      await serveListingShare(connection, { queue: context.queue, config, log });
    },
    snapshot.logAs("master"),
  );

  async function finish(seconds: number): Promise<void> {
    for (const socket of sockets.values()) socket.close();
    sockets.clear();
    spawning.close();
    channel?.close();
    listing?.close();
    if (underWay === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    idle = resolve;
    const timer = Number.isFinite(seconds) ? setTimeout(resolve, seconds * 1000) : undefined;
    await promise;
    clearTimeout(timer);
  }

  return Promise.resolve({
    reload(next) {
      const agents = createAgents(context, next);
      const commands = createSpawnServices(next);
      return Promise.resolve(() => {
        current = next;
        put(agents, next);
        spawning.put(next, commands);
      });
    },
    drain: () => finish(Infinity),
    stop: finish,
  });
}
